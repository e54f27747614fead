/** Prompts: without and with arguments, with a resource, with an image, with a question, and one that changes. */
import {
  acceptedContent,
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
  type PromptMessage,
  type ServerContext,
} from "@modelcontextprotocol/server"
import { z } from "zod"
import { type Changes, follow } from "./changes.ts"
import { askFor } from "./multiRoundTools.ts"
import { pngBase64 } from "./samples.ts"

export function registerPrompts(server: McpServer, changes: Changes): void {
  server.registerPrompt("test_simple_prompt", { description: "Without arguments" }, async () =>
    toPrompt({ type: "text", text: "This is a simple prompt for testing." }),
  )
  const suggest = (start: string | undefined): string[] =>
    ["testValue1", "testValue2"].filter((value) => value.startsWith(start ?? ""))
  server.registerPrompt(
    "test_prompt_with_arguments",
    {
      description: "With two arguments",
      argsSchema: z.object({
        arg1: completable(z.string().describe("The first"), suggest),
        arg2: completable(z.string().describe("The second"), suggest),
      }),
    },
    async ({ arg1, arg2 }) => toPrompt({ type: "text", text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
  )
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "With a resource in it", argsSchema: z.object({ resourceUri: z.string() }) },
    async ({ resourceUri: uri }) =>
      toPrompt(
        { type: "resource", resource: { uri, mimeType: "text/plain", text: "Embedded resource content for testing." } },
        { type: "text", text: "Please process the embedded resource above." },
      ),
  )
  server.registerPrompt("test_prompt_with_image", { description: "With an image in it" }, async () =>
    toPrompt(
      { type: "image", data: pngBase64, mimeType: "image/png" },
      { type: "text", text: "Please analyze the image above." },
    ),
  )
  registerAsking(server)
  registerChanging(server, changes)
}

function registerAsking(server: McpServer): void {
  server.registerPrompt(
    "test_input_required_result_prompt",
    { description: "Asks for a context first" },
    // Without arguments the context is the only parameter, which the SDK's types do not say.
    async (...[ctx]: unknown[]) => {
      const { inputResponses } = (ctx as ServerContext).mcpReq
      const given = acceptedContent(inputResponses, "user_context", z.object({ context: z.string() }))
      if (given !== undefined) return toPrompt({ type: "text", text: `Mind this: ${given.context}` })
      const user_context = askFor("What context should the prompt use?", "context")
      return inputRequired({ inputRequests: { user_context } })
    },
  )
}

function registerChanging(server: McpServer, changes: Changes): void {
  const describe = (): string => `Is different after each change of the list (${changes.count("prompts")})`
  const changing = server.registerPrompt("test_changing_prompt", { description: describe() }, async () =>
    toPrompt({ type: "text", text: describe() }),
  )
  follow(server, changes, { list: "prompts", changed: () => changing.update({ description: describe() }) })
}

function toPrompt(...contents: PromptMessage["content"][]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: "user", content })) }
}
