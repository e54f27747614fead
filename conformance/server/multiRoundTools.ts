/** Tools of the 2026-07-28 scenarios: answers in several rounds, with and without `requestState` (SEP-2322). */
import { randomUUID } from "node:crypto"
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequests,
  inputRequired,
  inputResponse,
  type McpServer,
  type PrimitiveSchemaDefinition,
  type ServerContext,
} from "@modelcontextprotocol/server"
import { z } from "zod"
import { textResult } from "./contentTools.ts"
import { type RoundState, stateCodec } from "./stateCodec.ts"

const none = z.object({})

const requests = {
  user_name: askFor("What is your name?", "name"),
  capital_question: askModel("What is the capital of France?"),
  greeting: askModel("Generate a greeting"),
  client_roots: inputRequired.listRoots(),
  confirm: askFor("Please confirm", "ok", { type: "boolean" }),
}

export function registerMultiRoundTools(server: McpServer): void {
  registerSingleQuestions(server)
  registerStates(server)
  registerManyQuestions(server)
}

function registerSingleQuestions(server: McpServer): void {
  const tool = toolOf(server)
  tool("elicitation", "Asks for a name", async ({ mcpReq }) => {
    const { user_name } = requests
    const given = acceptedContent(mcpReq.inputResponses, "user_name", z.object({ name: z.string() }))
    return given === undefined ? inputRequired({ inputRequests: { user_name } }) : textResult(`Hello, ${given.name}!`)
  })
  tool("sampling", "Asks the client's model", async ({ mcpReq }) => {
    const { capital_question } = requests
    const answer = inputResponse(mcpReq.inputResponses, "capital_question")
    return answer.kind === "sampling"
      ? textResult(`The model said ${JSON.stringify(answer.result.content)}`)
      : inputRequired({ inputRequests: { capital_question } })
  })
  tool("list_roots", "Asks for the roots", async ({ mcpReq }) => {
    const { client_roots } = requests
    const answer = inputResponse(mcpReq.inputResponses, "client_roots")
    return answer.kind === "roots"
      ? textResult(`Roots: ${answer.roots.map(({ uri }) => uri).join(", ")}`)
      : inputRequired({ inputRequests: { client_roots } })
  })
}

function registerStates(server: McpServer): void {
  const tool = toolOf(server)
  const { confirm } = requests
  for (const name of ["request_state", "tampered_state"]) {
    tool(name, "Asks to confirm, with a signed state", async ({ mcpReq }) => {
      const answered = acceptedContent(mcpReq.inputResponses, "confirm") !== undefined
      if (answered && mcpReq.requestState() !== undefined) return textResult("state-ok")
      return inputRequired({ inputRequests: { confirm }, requestState: await seal({ tool: name }) })
    })
  }
  tool("multi_round", "Asks twice; what it has heard is in its state", async ({ mcpReq }) => {
    const { round = 0, name = "" } = mcpReq.requestState<RoundState>() ?? {}
    const text = (step: string, field: string): string =>
      String(acceptedContent(mcpReq.inputResponses, step)?.[field] ?? "nobody")
    if (round === 2) return textResult(`${name} likes ${text("step2", "color")}`)
    if (round === 1) {
      return inputRequired({
        inputRequests: { step2: askFor("Step 2: What is your favorite color?", "color") },
        requestState: await seal({ tool: "multi_round", round: 2, name: text("step1", "name") }),
      })
    }
    return inputRequired({
      inputRequests: { step1: askFor("Step 1: What is your name?", "name") },
      requestState: await seal({ tool: "multi_round", round: 1 }),
    })
  })
}

function registerManyQuestions(server: McpServer): void {
  const tool = toolOf(server)
  tool("multiple_inputs", "Asks for three things at once", async ({ mcpReq }) => {
    const { user_name, greeting, client_roots } = requests
    const kinds = [
      ["user_name", "elicit"],
      ["greeting", "sampling"],
      ["client_roots", "roots"],
    ] as const
    const complete = kinds.every(([key, kind]) => inputResponse(mcpReq.inputResponses, key).kind === kind)
    if (complete) return textResult("Have all three.")
    return inputRequired({
      inputRequests: { user_name, greeting, client_roots },
      requestState: await seal({ tool: "multiple_inputs" }),
    })
  })
  tool("capabilities", "Asks only for what the client has declared", async (ctx) => {
    if (ctx.mcpReq.inputResponses !== undefined) return textResult("Have all I could ask for.")
    const { user_name, greeting, client_roots } = requests
    const declared = capabilitiesOf(server, ctx)
    const inputRequests: InputRequests = {
      ...(declared.elicitation && { user_name }),
      ...(declared.sampling && { greeting }),
      ...(declared.roots && { client_roots }),
    }
    return Object.keys(inputRequests).length === 0 ? textResult("Nothing to ask.") : inputRequired({ inputRequests })
  })
}

/** Modern clients declare them with each request, legacy ones once. */
function capabilitiesOf(server: McpServer, { mcpReq }: ServerContext): ClientCapabilities {
  // The SDK's type of the envelope hides its keys behind a schema.
  const envelope = mcpReq.envelope as Readonly<Record<string, ClientCapabilities | undefined>> | undefined
  return envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities() ?? {}
}

type Answer = (ctx: ServerContext) => Promise<ReturnType<typeof textResult> | ReturnType<typeof inputRequired>>

function toolOf(server: McpServer): (name: string, description: string, answer: Answer) => void {
  return (name, description, answer) => {
    server.registerTool(`test_input_required_result_${name}`, { description, inputSchema: none }, (_args, ctx) =>
      answer(ctx),
    )
  }
}

function seal(state: Omit<RoundState, "nonce">): Promise<string> {
  return stateCodec.mint({ ...state, nonce: randomUUID() })
}

export function askFor(message: string, field: string, schema: PrimitiveSchemaDefinition = { type: "string" }) {
  return inputRequired.elicit({
    message,
    requestedSchema: { type: "object", properties: { [field]: schema }, required: [field] },
  })
}

function askModel(text: string) {
  return inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text } }], maxTokens: 50 })
}
