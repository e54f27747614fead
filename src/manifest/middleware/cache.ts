/** Options of the middleware `cache`. */

import * as z from "zod/mini"
import { choice, duration, facts, flag, mapping, optional, size, text, whole } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const { cache: defaults } = middlewareDefaults

const ttlOf = (what: string) => optional(duration(), { description: `How long ${what} are kept.`, absent: "`ttl`" })

export const cacheOptions = mapping({
  ttl: optional(duration(), {
    description:
      "How long an answer is kept where nothing below says otherwise; `0s` is not at all. A server that gives a `ttlMs` can only make it shorter.",
    default: defaults.ttl,
  }),
  methods: optional(
    mapping({
      "tools/call": ttlOf("results of tools that are annotated read-only"),
      "resources/read": ttlOf("contents of resources"),
      "prompts/get": ttlOf("prompts"),
      "completion/complete": ttlOf("completions"),
    }),
    { description: "The same for a method.", default: {}, examples: [{ "resources/read": "5m", "prompts/get": "0s" }] },
  ),
  tools: optional(z.record(text(), duration(), { error: "a mapping of globs over tools to durations" }), {
    description:
      "The same for tools, by globs over their names; the first that fits counts. A tool that is listed is kept whatever its annotations say.",
    default: {},
    examples: [{ "search_*": "10m", now: "0s" }],
  }),
  annotated: optional(flag(), {
    description: "Whether tools annotated `readOnlyHint: true` are kept without being listed.",
    default: defaults.annotated,
  }),
  afterWrites: optional(choice(["drop", "keep"]), {
    description:
      "What becomes of a server's answers when a tool of it was called that is neither annotated read-only nor listed: it may have changed what they say.",
    default: defaults.afterWrites,
  }),
  maxEntries: optional(whole(1, 1_000_000), {
    description: "Most answers that are kept; those not used for longest go first.",
    default: defaults.maxEntries,
  }),
  maxBytes: optional(size(), {
    description: "Most bytes that all answers have together, as JSON, with what they are kept under.",
    default: defaults.maxBytes,
  }),
  maxEntryBytes: optional(size(), {
    description: "Largest answer that is kept.",
    default: defaults.maxEntryBytes,
  }),
}).register(facts, {
  description: "Keeps answers of what only reads, and asks servers once for many who ask the same.",
})

export type CacheOptions = z.infer<typeof cacheOptions>
