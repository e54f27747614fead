/** Options of the middleware `logging`. */

import * as z from "zod/mini"
import { requestMethods } from "../../protocol/methods.ts"
import { choice, facts, globs, listOf, mapping, optional, size } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const { logging: defaults } = middlewareDefaults

const methods = (description: string) =>
  optional(listOf(z.enum([...requestMethods] as [string, ...string[]]), "a list of methods"), {
    description,
    examples: [["tools/call", "resources/read"]],
  })

export const loggingOptions = mapping({
  level: optional(choice(["debug", "info"]), {
    description: "The level of a line about a request; one that failed is a warning.",
    default: defaults.level,
  }),
  payloads: optional(choice(["none", "sizes", "bodies"]), {
    description: "What a line says of params and results: nothing, their bytes, or the bytes and what is in them.",
    default: defaults.payloads,
  }),
  maxBody: optional(size(), {
    description: "Largest part of params, and of a result, that is logged with `bodies`.",
    default: defaults.maxBody,
  }),
  redact: optional(globs("names of members"), {
    description:
      "With `bodies`: members whose values are not shown, at any depth, besides those that are called like secrets (password, token, authorization and so on); case does not count.",
    default: [],
    examples: [["*_pin", "ssn"]],
  }),
  only: methods("Only these methods are logged."),
  except: methods("These methods are not logged."),
}).register(facts, { description: "Logs a line for every request." })

export type LoggingOptions = z.infer<typeof loggingOptions>
