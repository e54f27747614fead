/** Options of the middleware `errors`. */

import type * as z from "zod/mini"
import { choice, facts, mapping, optional } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

export const errorsOptions = mapping({
  mask: optional(choice(["none", "internal", "all"]), {
    description:
      "Whose words clients do not see: `internal`, those of internal errors (-32603); `all`, those of every error and failed tool of a server. The log has them, under the reference that the client is given.",
    default: middlewareDefaults.errors.mask,
  }),
}).register(facts, { description: "Logs errors, and keeps internal details from clients." })

export type ErrorsOptions = z.infer<typeof errorsOptions>
