/** Options of the middleware `concurrency`. */

import type * as z from "zod/mini"
import { deadline, facts, mapping, optional, whole } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"
import { byOption, methodsOption } from "./shared.ts"

const { concurrency } = middlewareDefaults

export const concurrencyOptions = mapping({
  limit: optional(whole(1, 10_000), {
    description: "How many requests run at once.",
    default: concurrency.limit,
  }),
  queue: optional(whole(0, 100_000), {
    description: "How many more may wait; what comes beyond is refused.",
    default: concurrency.queue,
  }),
  wait: optional(deadline(), {
    description: "How long one may wait before it is refused.",
    default: concurrency.wait,
  }),
  by: byOption(
    "What has a limit and a queue of its own: each client (a session or connection), principal, server or tool, each combination of those in a list, or `all` together.",
    concurrency.by,
  ),
  methods: methodsOption("The requests that count."),
}).register(facts, { description: "Bounds how many requests run at once." })

export type ConcurrencyOptions = z.infer<typeof concurrencyOptions>
