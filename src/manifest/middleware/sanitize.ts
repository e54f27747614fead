/** Options of the middleware `sanitize`. */

import type * as z from "zod/mini"
import { choice, facts, listOf, mapping, optional } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const { sanitize } = middlewareDefaults

export const sanitizeOptions = mapping({
  mode: optional(choice(["flag", "strip"]), {
    description:
      "`flag` leaves texts as they are; `strip` takes the characters out. Either way the log, a metric and `_meta` tell of it.",
    default: sanitize.mode,
  }),
  in: optional(listOf(choice(["listings", "results", "notifications", "questions"]), "a list of directions"), {
    description:
      "Where: `listings`, names, descriptions and schemas; `results`, with errors and instructions; `notifications`, log lines and progress; `questions`, what servers ask of clients.",
    default: [...sanitize.in],
  }),
}).register(facts, {
  description: "Finds what people do not see: hidden Unicode, bidirectional controls, escapes of terminals.",
})

export type SanitizeOptions = z.infer<typeof sanitizeOptions>
