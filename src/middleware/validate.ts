/**
 * `validate`: checks the arguments of a tool against its input schema before they leave. What does not fit is answered as
 * a failed tool with words that a model can act on (specification 2025-11-25, server/tools, "Error Handling"), and the
 * server does not hear of it. What cannot be checked within its limits passes: its server checks it anyway.
 */
import { matchesAny } from "../composition/glob.ts"
import { messageOf as reasonOf } from "../errors.ts"
import type { ValidateOptions } from "../manifest/middleware/validate.ts"
import { isJsonObject, type JsonObject, objectAt } from "../protocol/json.ts"
import type { FactLogger } from "../telemetry/types.ts"
import { defineMiddleware } from "./define.ts"
import { messageOf } from "./validate/message.ts"
import { type Prepared, prepare } from "./validate/prepare.ts"

export const validate = defineMiddleware<ValidateOptions>({
  name: "validate",
  create({ only, except = [] }, { logger, metrics, subject }) {
    const concerns = (tool: string): boolean =>
      (only === undefined || matchesAny(tool, only)) && !matchesAny(tool, except)
    const checkOf = createChecks(concerns, logger)
    const calls = metrics.counter({
      name: "mcp_host_validate_calls_total",
      help: "Calls of tools, by what the check of their arguments found.",
      labels: ["server", "outcome"],
    })
    return {
      callTool(request, context, next) {
        const found = subject(request, context.client)
        // What nobody has is for others to answer.
        if (found?.definition === undefined) return next(request, context)
        const { arguments: args = {} } = request.params
        const failure = isJsonObject(args) ? checkOf(found.definition)(args) : notAnObject
        if (metrics.enabled) calls.add(1, { server: found.server, outcome: outcomeOf(failure) })
        if (typeof failure !== "string") return next(request, context)
        return Promise.resolve({ value: { content: [{ type: "text", text: failure }], isError: true } })
      },
    }
  },
})

const notAnObject = "Invalid arguments: they must be an object with a member for each argument."

/** What is wrong with arguments; false when nothing is, undefined when it is not known. */
type Check = (args: JsonObject) => string | false | undefined

function outcomeOf(failure: ReturnType<Check>): "invalid" | "valid" | "unchecked" {
  if (failure === undefined) return "unchecked"
  return failure === false ? "valid" : "invalid"
}

/** The check of each tool, made when it is first called; a catalogue that changes brings other definitions. */
function createChecks(concerns: (tool: string) => boolean, logger: FactLogger): (definition: JsonObject) => Check {
  const known = new WeakMap<JsonObject, Check>()
  return (definition) => {
    const memo = known.get(definition)
    if (memo !== undefined) return memo
    const check = createCheck(definition, concerns, logger)
    known.set(definition, check)
    return check
  }
}

function createCheck(definition: JsonObject, concerns: (tool: string) => boolean, logger: FactLogger): Check {
  const tool = String(definition["name"])
  const schema = objectAt(definition, "inputSchema")
  const unchecked: Check = () => undefined
  if (schema === undefined || !concerns(tool)) return unchecked
  const giveUp = (reason: string): void => logger.warn(`arguments of ${tool} are not checked: ${reason}`)
  const prepared = prepareSafely(schema)
  if (typeof prepared === "string") {
    giveUp(prepared)
    return unchecked
  }
  for (const part of new Set(prepared.leftOut)) logger.warn(`of the input schema of ${tool} is not checked: ${part}`)
  let hasGivenUp = false
  return (args) => {
    try {
      const errors = prepared.check(args)
      return (
        errors.length > 0 &&
        messageOf({ tool, schema, args, errors, passes: (one) => prepared.check(one).length === 0 })
      )
    } catch (error) {
      if (!hasGivenUp) giveUp(shortReason(error))
      hasGivenUp = true
      return undefined
    }
  }
}

function prepareSafely(schema: JsonObject): Prepared | string {
  try {
    return prepare(schema)
  } catch (error) {
    return shortReason(error)
  }
}

/** Without what the validator lists after it. */
function shortReason(error: unknown): string {
  return (reasonOf(error).split(/\.\s/)[0] ?? "").slice(0, 200)
}
