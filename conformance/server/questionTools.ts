/** Tools of the 2025-11-25 scenarios that ask the client one thing: sampling, a form, a form of every kind of field. */
import {
  type CallToolResult,
  type ElicitRequestFormParams,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server"
import { z } from "zod"
import { textResult } from "./contentTools.ts"
import { choices, withDefaults } from "./forms.ts"

const none = z.object({})

export function registerQuestionTools(server: McpServer): void {
  server.registerTool(
    "test_sampling",
    { description: "Has the client's model answer a prompt", inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, ctx) => sample(ctx, prompt),
  )
  server.registerTool(
    "test_elicitation",
    { description: "Asks for a user name and an address", inputSchema: z.object({ message: z.string() }) },
    async ({ message }, ctx) => elicit(ctx, { message, requestedSchema: person }),
  )
  server.registerTool(
    "test_elicitation_sep1034_defaults",
    { description: "Asks with a form whose fields have defaults", inputSchema: none },
    async (_args, ctx) => elicit(ctx, { message: "Change what is not right", requestedSchema: withDefaults }),
  )
  server.registerTool(
    "test_elicitation_sep1330_enums",
    { description: "Asks with a form of choices", inputSchema: none },
    async (_args, ctx) => elicit(ctx, { message: "Choose", requestedSchema: choices }),
  )
  server.registerTool(
    "test_missing_capability",
    { description: "Cannot do without the client's sampling", inputSchema: none },
    async (_args, ctx) => sample(ctx, "Say pong"),
  )
}

const person: ElicitRequestFormParams["requestedSchema"] = {
  type: "object",
  properties: {
    username: { type: "string", description: "The name to show" },
    email: { type: "string", description: "An address for mail" },
  },
  required: ["username", "email"],
}

function elicit(ctx: ServerContext, params: ElicitRequestFormParams): CallToolResult | InputRequiredResult {
  const answer = inputResponse(ctx.mcpReq.inputResponses, "form")
  if (answer.kind !== "elicit") return inputRequired({ inputRequests: { form: inputRequired.elicit(params) } })
  return textResult(`User response: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`)
}

function sample(ctx: ServerContext, prompt: string): CallToolResult | InputRequiredResult {
  const answer = inputResponse(ctx.mcpReq.inputResponses, "sample")
  if (answer.kind === "sampling") return textResult(`LLM response: ${JSON.stringify(answer.result.content)}`)
  return inputRequired({
    inputRequests: {
      sample: inputRequired.createMessage({
        messages: [{ role: "user", content: { type: "text", text: prompt } }],
        maxTokens: 100,
      }),
    },
  })
}
