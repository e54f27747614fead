/** Options of the middleware `toolInjection`. What zod cannot say of them is in `injectedTools.ts` beside this file. */

import * as z from "zod/mini"
import { anyMapping, facts, listOf, mapping, optional, required, text } from "../fields.ts"
import { toolName } from "./toolName.ts"

const injectedTool = mapping({
  name: required(toolName(), { description: "What clients call it; around a server, before its prefix." }),
  title: optional(text(), { description: "Its name for people." }),
  description: required(text(), { description: "Tells models when to use it." }),
  inputSchema: optional(anyMapping(), {
    description: "JSON Schema of its arguments.",
    absent: "of the arguments in braces, all required; else none",
  }),
  outputSchema: optional(anyMapping(), { description: "JSON Schema of its `structuredContent`." }),
  annotations: optional(anyMapping(), {
    description: "Hints for clients.",
    absent: "`readOnlyHint: true` for `text` and `json`, else none",
  }),
  text: optional(z.string({ error: "text" }), { description: "It answers with this text." }),
  json: optional(anyMapping(), { description: "It answers with this, as `structuredContent` and as text." }),
  call: optional(text("the name of a tool"), {
    description:
      "It answers as this tool does: one that clients see, called as they call it; around a server, one of the server's, by the server's own name.",
  }),
  arguments: optional(anyMapping(), {
    description: 'What that tool is given. `"{{name}}"` stands for the argument `name` of this one.',
    absent: "what this one is given",
  }),
})

export const toolInjectionOptions = mapping({
  tools: optional(listOf(injectedTool, "a list of tools"), { description: "Tools that need no code.", default: [] }),
  module: optional(text("the path or package of a module"), {
    description: "A module whose default export is a list of tools, or a function that gives one.",
    examples: ["./my-tools.ts"],
  }),
  options: optional(anyMapping(), { description: "What that function is given, which it checks itself.", default: {} }),
}).register(facts, { description: "Adds tools, described in the manifest or made by a module." })

export type InjectedTool = z.infer<typeof injectedTool>
export type ToolInjectionOptions = z.infer<typeof toolInjectionOptions>
