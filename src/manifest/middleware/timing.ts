/** Options of the middleware `timing`. */

import type * as z from "zod/mini"
import { choice, deadline, facts, mapping, optional } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

export const timingOptions = mapping({
  slow: optional(deadline(), {
    description: "Requests that take longer are logged as warnings.",
    default: middlewareDefaults.timing.slow,
  }),
  level: optional(choice(["debug", "info"]), {
    description: "The level at which all others are logged.",
    default: middlewareDefaults.timing.level,
  }),
}).register(facts, { description: "Logs and measures how long requests take." })

export type TimingOptions = z.infer<typeof timingOptions>
