/**
 * From what a caller sends to an argument vector. A value is text in one slot of the vector, whatever it contains: there
 * is no shell. What is left to guard is what the program itself makes of it, which is what the patterns are for.
 */
import { Script } from "node:vm"
import * as z from "zod"
import { type ArgumentSpec, type CommandSpec, toWholeValueRegExp } from "./config.ts"

/** The tool's input: one string per placeholder. */
export function toInputSchema(command: CommandSpec): z.ZodType<Readonly<Record<string, string | undefined>>> {
  return z.strictObject(Object.fromEntries(placeholders(command).map((spec) => [spec.name, toFieldSchema(spec)])))
}

/** Fixed strings stay, placeholders are replaced, absent optional ones leave no empty slot. */
export function toArgv(command: CommandSpec, values: Readonly<Record<string, string | undefined>>): string[] {
  return command.args
    .map((part) => (typeof part === "string" ? part : values[part.name]))
    .filter((part) => part !== undefined)
}

export function placeholders(command: CommandSpec): ArgumentSpec[] {
  return command.args.filter((part) => typeof part !== "string")
}

const MAX_LENGTH = 1_000
/** A value is short, so an honest pattern needs microseconds; one that backtracks for longer is stopped. */
const MATCH_TIMEOUT_MS = 100
const matchScript = new Script("pattern.test(value)")

function toFieldSchema(spec: ArgumentSpec): z.ZodType<string | undefined> {
  const pattern = toWholeValueRegExp(spec.pattern)
  // The pattern is advertised as metadata and checked by hand: zod would run it without a time limit.
  const text = z
    .string()
    .max(MAX_LENGTH, `at most ${MAX_LENGTH} characters`)
    .superRefine((value, context) => {
      const problem = value.length > MAX_LENGTH ? undefined : problemOf(value, spec, pattern)
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem })
    })
    .meta({ description: spec.description, pattern: pattern.source })
  if (spec.default !== undefined) return text.default(spec.default)
  return spec.optional ? text.optional() : text
}

function problemOf(value: string, spec: ArgumentSpec, pattern: RegExp): string | undefined {
  if (value.includes("\0")) return "must not contain a NUL character"
  if (value.startsWith("-") && !beginsWithDash(spec.pattern)) {
    return "must not start with - (it would be read as an option)"
  }
  return matches(pattern, value) ? undefined : `must match ${pattern.source} as a whole`
}

/** `[\w-]+` happens to match `--force`; only a pattern that itself begins with a dash means to. */
function beginsWithDash(pattern: string): boolean {
  return /^\^?(?:\((?:\?:|\?<\w+>)?)*\\?-/.test(pattern)
}

function matches(pattern: RegExp, value: string): boolean {
  try {
    return matchScript.runInNewContext({ pattern, value }, { timeout: MATCH_TIMEOUT_MS }) === true
  } catch {
    // Only the time limit throws here, and what could not be checked is refused.
    return false
  }
}
