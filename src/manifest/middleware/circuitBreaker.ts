/** Options of the middleware `circuitBreaker`. */

import type * as z from "zod/mini"
import { choice, deadline, facts, flag, mapping, optional, whole } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const { circuitBreaker } = middlewareDefaults

export const circuitBreakerOptions = mapping({
  failures: optional(whole(1, 10_000), {
    description: "So many failures in a row open the circuit.",
    absent: `\`${circuitBreaker.failures}\`, or with \`failureRate\` no number`,
    examples: [3],
  }),
  failureRate: optional(whole(1, 100), {
    description: "So many failures in a hundred requests of the last `window` open the circuit.",
    absent: "no rate",
    examples: [50],
  }),
  window: optional(deadline(), {
    description: "The time that `failureRate` looks back.",
    default: circuitBreaker.window,
  }),
  minimum: optional(whole(1, 100_000), {
    description: "With fewer requests than this in the `window`, `failureRate` opens nothing.",
    default: circuitBreaker.minimum,
  }),
  openFor: optional(deadline(), {
    description: "How long requests are refused before one is let through to see whether the server works again.",
    default: circuitBreaker.openFor,
  }),
  by: optional(choice(["server", "tool"]), {
    description: "What has a circuit of its own. Requests that call no tool have one for each server and method.",
    default: circuitBreaker.by,
  }),
  toolErrors: optional(flag(), {
    description: "`true`: results with `isError` are failures too.",
    default: circuitBreaker.toolErrors,
  }),
}).register(facts, { description: "Refuses requests at once while a server fails." })

export type CircuitBreakerOptions = z.infer<typeof circuitBreakerOptions>
