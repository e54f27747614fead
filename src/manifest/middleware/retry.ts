/** Options of the middleware `retry`. */

import type * as z from "zod/mini"
import { deadline, facts, flag, globs, mapping, optional, whole } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const { retry } = middlewareDefaults

export const retryOptions = mapping({
  attempts: optional(whole(2, 20), {
    description: "How often a request is sent at most, the first time included.",
    default: retry.attempts,
  }),
  backoff: optional(deadline(), {
    description: "The first pause. Each further one is twice as long, and all are lengthened at random, up to twice.",
    default: retry.backoff,
  }),
  maxBackoff: optional(deadline(), { description: "The longest pause.", default: retry.maxBackoff }),
  within: optional(deadline(), {
    description: "No attempt begins later than this after the first; set it below the clients' own deadline.",
    default: retry.within,
  }),
  annotations: optional(flag(), {
    description: "`true`: tools are sent again that their server annotates as `readOnlyHint` or `idempotentHint`.",
    default: retry.annotations,
  }),
  tools: optional(globs("names of tools"), {
    description: "Further tools that may be sent again, by their names as this place in the chain sees them.",
    default: [],
    examples: [["*_search"]],
  }),
}).register(facts, { description: "Sends requests again that failed and may safely be sent again." })

export type RetryOptions = z.infer<typeof retryOptions>
