/** Options of the middleware `promptsAsTools`. */

import type * as z from "zod/mini"
import { facts, mapping, optional } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"
import { toolName } from "./toolName.ts"

export const promptsAsToolsOptions = mapping({
  listName: optional(toolName(), {
    description: "The name of the tool that lists prompts.",
    default: middlewareDefaults.promptsAsTools.listName,
  }),
  getName: optional(toolName(), {
    description: "The name of the tool that gives a prompt's messages.",
    default: middlewareDefaults.promptsAsTools.getName,
  }),
}).register(facts, { description: "Adds tools that list and get prompts, for clients that only know tools." })

export type PromptsAsToolsOptions = z.infer<typeof promptsAsToolsOptions>
