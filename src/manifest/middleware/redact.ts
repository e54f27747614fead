/** Options of the middleware `redact`. */

import * as z from "zod/mini"
import { anyText, choice, facts, flag, globs, listOf, mapping, optional, text } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const { redact } = middlewareDefaults

export const detectorNames = [
  ...(["email", "creditCard", "iban", "ssn", "jwt", "bearer", "awsKey", "privateKey", "apiToken"] as const),
] as const

export type DetectorName = (typeof detectorNames)[number]

export const redactOptions = mapping({
  in: optional(listOf(choice(["arguments", "results", "notifications", "questions"]), "a list of directions"), {
    description:
      "Where: `arguments`, what clients send to servers, answers to questions included; `results`, with errors and descriptions; `notifications`, log lines and progress; `questions`, what servers ask of clients.",
    default: [...redact.in],
  }),
  detect: optional(listOf(choice(detectorNames), "a list of names"), {
    description: "What is looked for, by names of known patterns.",
    default: [...redact.detect],
    examples: [["email", "creditCard"]],
  }),
  patterns: optional(z.record(z.string(), text("a regular expression"), { error: "a mapping of names to patterns" }), {
    description: "Patterns of your own, in the syntax of RE2: no look-around, no back-references.",
    default: {},
    examples: [{ ticket: "TCK-\\d{6}" }],
  }),
  keys: optional(globs("names of members"), {
    description:
      "Members of arguments, of structured content and of texts that are JSON whose values are replaced whole, whatever they are. Case does not count.",
    default: [],
    examples: [["password", "*token*"]],
  }),
  secrets: optional(flag(), {
    description: "Whether secrets of the manifest are masked too.",
    default: true,
  }),
  replacement: optional(anyText(), {
    description: "What stands there instead; `{name}` in it becomes the name of the pattern.",
    default: redact.replacement,
  }),
}).register(facts, { description: "Replaces secrets and personal data in what passes, both ways." })

export type RedactOptions = z.infer<typeof redactOptions>
