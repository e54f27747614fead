/** Options of the middleware `validate`. */

import type * as z from "zod/mini"
import { facts, globs, mapping, optional } from "../fields.ts"

export const validateOptions = mapping({
  only: optional(globs("tools"), { description: "Only calls of these tools are checked.", examples: [["search_*"]] }),
  except: optional(globs("tools"), { description: "Calls of these tools are not.", default: [] }),
}).register(facts, { description: "Checks arguments of tools against their input schema before they leave." })

export type ValidateOptions = z.infer<typeof validateOptions>
