/** Options of the middleware `timeout`. */

import * as z from "zod/mini"
import { choice, deadline, facts, mapping, optional, text } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const own = (what: string) =>
  optional(deadline(), { description: `The deadline of ${what}.`, absent: "that of `request`", examples: ["5s"] })

export const timeoutOptions = mapping({
  request: optional(deadline(), {
    description: "The deadline of every request that has no other.",
    default: middlewareDefaults.timeout.request,
  }),
  call: own("`tools/call`"),
  tools: optional(z.record(text("a glob"), deadline(), { error: "a mapping of globs over tools to durations" }), {
    description:
      "Deadlines of single tools, by globs over their names as this place in the chain sees them; the first that matches counts.",
    absent: "that of `call`",
    examples: [{ "slow_*": "1m" }],
  }),
  read: own("`resources/read`"),
  prompt: own("`prompts/get`"),
  complete: own("`completion/complete`"),
  list: own("the four list methods"),
  progress: optional(choice(["ignore", "extend"]), {
    description: "`extend`: every progress notification of the server starts the deadline anew.",
    default: middlewareDefaults.timeout.progress,
  }),
}).register(facts, { description: "Ends requests that take too long." })

export type TimeoutOptions = z.infer<typeof timeoutOptions>
