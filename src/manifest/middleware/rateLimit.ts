/** Options of the middleware `rateLimit`. */

import type * as z from "zod/mini"
import { choice, deadline, facts, mapping, optional, text, whole } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"
import { byOption, methodsOption } from "./shared.ts"

const { rateLimit } = middlewareDefaults

export const rateLimitOptions = mapping({
  limit: optional(whole(1, 1_000_000), {
    description: "How many requests there may be in each `per`.",
    default: rateLimit.limit,
  }),
  per: optional(deadline(), { description: "The time that `limit` is for.", default: rateLimit.per }),
  algorithm: optional(choice(["token-bucket", "sliding-window"]), {
    description:
      "`token-bucket`: up to `burst` requests at once, and `limit` in each `per` on average. `sliding-window`: never more than `limit` in any `per`.",
    default: rateLimit.algorithm,
  }),
  burst: optional(whole(1, 1_000_000), {
    description: "How many requests a bucket lets through at once after a pause.",
    absent: "as many as `limit`",
    examples: [20],
  }),
  by: byOption(
    "What has a limit of its own: each client (a session or connection), principal, server or tool, each combination of those in a list, or `all` together.",
    rateLimit.by,
  ),
  methods: methodsOption("The requests that count."),
  store: optional(text("the name of a store"), {
    description: "A store to count in, for several hosts together: a Redis store, or a file store of one machine.",
    absent: "each host counts for itself, in memory",
    examples: ["shared"],
  }),
  onStoreDown: optional(choice(["allow", "refuse"]), {
    description:
      "While the store does not answer: `allow`, each host counts for itself, in memory; `refuse`, requests fail with -31008.",
    default: rateLimit.onStoreDown,
  }),
}).register(facts, { description: "Bounds how many requests there are in a time." })

export type RateLimitOptions = z.infer<typeof rateLimitOptions>
