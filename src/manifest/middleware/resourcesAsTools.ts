/** Options of the middleware `resourcesAsTools`. */

import type * as z from "zod/mini"
import { choice, facts, mapping, optional } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"
import { toolName } from "./toolName.ts"

export const resourcesAsToolsOptions = mapping({
  listName: optional(toolName(), {
    description: "The name of the tool that lists resources and templates.",
    default: middlewareDefaults.resourcesAsTools.listName,
  }),
  readName: optional(toolName(), {
    description: "The name of the tool that reads a resource.",
    default: middlewareDefaults.resourcesAsTools.readName,
  }),
  content: optional(choice(["text", "resource"]), {
    description:
      "What texts are read as: `text`, which every client shows its model; `resource`, embedded resources with their URI and type.",
    default: middlewareDefaults.resourcesAsTools.content,
  }),
}).register(facts, { description: "Adds tools that list and read resources, for clients that only know tools." })

export type ResourcesAsToolsOptions = z.infer<typeof resourcesAsToolsOptions>
