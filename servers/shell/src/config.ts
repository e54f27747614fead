/** The `config` of this server in the manifest: what may be run, and within which limits. */
import path from "node:path"
import * as z from "zod"

export interface CommandLimits {
  readonly timeoutMs: number
  readonly maxOutputBytes: number
}

/** One placeholder of a command line, filled by the caller. */
export interface ArgumentSpec {
  readonly name: string
  readonly description: string
  /** As written in the manifest; always matched against the whole value. */
  readonly pattern: string
  readonly optional: boolean
  readonly default?: string | undefined
}

export interface CommandSpec extends CommandLimits {
  readonly name: string
  readonly title?: string | undefined
  readonly description: string
  /** An absolute path, or a program name that is looked up in PATH. */
  readonly run: string
  readonly args: ReadonlyArray<string | ArgumentSpec>
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  readonly readOnly: boolean
}

/** Throws one error that lists every problem, each with the path of its key. Relative paths are relative to `directory`. */
export function parseConfig(config: unknown, directory: string): CommandSpec[] {
  const parsed = configSchema.safeParse(config)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `config${toPath(issue.path)}: ${issue.message}`)
    throw new Error(`The shell server's config is not valid.\n${problems.join("\n")}`)
  }
  const { commands, timeout, maxOutput } = parsed.data
  return Object.entries(commands).map(([name, command]) => ({
    name,
    title: command.title,
    description: command.description,
    run: /[\\/]/.test(command.run) ? path.resolve(directory, command.run) : command.run,
    args: command.args,
    cwd: path.resolve(directory, command.cwd),
    env: command.env,
    tags: command.tags,
    readOnly: command.readOnly,
    timeoutMs: command.timeout ?? timeout,
    maxOutputBytes: command.maxOutput ?? maxOutput,
  }))
}

/** The name of the built-in tool, which no command may take. */
export const LIST_TOOL = "list_commands"

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const UNIT_BYTES = { B: 1, KiB: 1_024, MiB: 1_048_576 } as const
/** The longest delay a Node timer takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const DURATION = "expected a number of seconds or a duration such as 250ms, 10s, 5m, 1h"
const SIZE = "expected a number of bytes or a size such as 64KiB, 4MiB"

const durationSchema = z
  .union([z.number().positive(DURATION), z.string().regex(/^\d+(ms|s|m|h)$/, DURATION)], { error: DURATION })
  .transform((value) => (typeof value === "number" ? Math.ceil(value * 1_000) : toNumber(value, UNIT_MS)))
  .refine((value) => value >= 1 && value <= LONGEST_TIMER_MS, "expected between 1ms and 24 days")

const sizeSchema = z
  .union([z.int(SIZE).positive(SIZE), z.string().regex(/^\d+(B|KiB|MiB)$/, SIZE)], { error: SIZE })
  .transform((value) => (typeof value === "number" ? value : toNumber(value, UNIT_BYTES)))
  .refine((value) => value >= 1 && value <= 64 * UNIT_BYTES.MiB, "expected between 1 byte and 64MiB")

const noNul = z.string().refine((value) => !value.includes("\0"), "must not contain a NUL character")

const argumentSchema = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,39}$/, "expected letters, digits and _, at most 40"),
    description: z.string().min(1, "describe the argument: the model sees nothing else"),
    pattern: z.string().min(1).max(1_000).superRefine(checkPattern),
    optional: z.boolean().default(false),
    default: noNul.max(1_000).optional(),
  })
  .superRefine((spec, context) => {
    if (spec.default === undefined || !isRegExp(spec.pattern)) return
    if (toWholeValueRegExp(spec.pattern).test(spec.default)) return
    context.addIssue({ code: "custom", path: ["default"], message: "does not match the argument's own pattern" })
  })

const commandSchema = z.strictObject({
  run: noNul.min(1),
  title: z.string().min(1).optional(),
  description: z.string().min(1, "describe the command: the model chooses by it"),
  args: z
    .array(z.union([noNul, argumentSchema], { error: describeArgumentProblem }))
    .default([])
    .superRefine(checkNamesDiffer),
  cwd: noNul.default("."),
  env: z.record(z.string().regex(/^[^=\0]+$/), noNul).default({}),
  tags: z.array(z.string().min(1)).default([]),
  readOnly: z.boolean().default(false),
  timeout: durationSchema.optional(),
  maxOutput: sizeSchema.optional(),
})

const commandNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, "a command's name becomes a tool name: letters, digits and _ . - , at most 64")
  .refine((name) => name !== LIST_TOOL, `the name ${LIST_TOOL} is taken by this server`)

const configSchema = z.strictObject({
  commands: z.record(commandNameSchema, commandSchema, {
    error: (issue) => (issue.code === "invalid_type" ? "expected a mapping of tool names to commands" : undefined),
  }),
  timeout: durationSchema.default(60_000),
  maxOutput: sizeSchema.default(256 * UNIT_BYTES.KiB),
})

/** The pattern, matched against the whole value and never a part of it. */
export function toWholeValueRegExp(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, "u")
}

function isRegExp(pattern: string): boolean {
  try {
    // On its own first: `a)|(b` is only legal once it is wrapped, and would then escape the anchors.
    new RegExp(pattern, "u")
    toWholeValueRegExp(pattern)
    return true
  } catch {
    return false
  }
}

function checkPattern(pattern: string, context: z.RefinementCtx): void {
  if (isRegExp(pattern)) return
  context.addIssue({ code: "custom", message: `${JSON.stringify(pattern)} is not a regular expression (flag u)` })
}

function checkNamesDiffer(args: ReadonlyArray<string | { name: string }>, context: z.RefinementCtx): void {
  const seen = new Set<string>()
  for (const [index, argument] of args.entries()) {
    if (typeof argument === "string") continue
    if (seen.has(argument.name)) {
      context.addIssue({ code: "custom", path: [index, "name"], message: `${argument.name} is given twice` })
    }
    seen.add(argument.name)
  }
}

/** A union reports only "invalid input"; the branch for mappings says what is wrong with a mapping. */
function describeArgumentProblem(issue: { readonly input?: unknown }): string {
  if (typeof issue.input !== "object") return "expected a fixed string or { name, description, pattern }"
  const checked = argumentSchema.safeParse(issue.input)
  const problems = checked.error?.issues.map((inner) => `${toPath(inner.path) || "."}: ${inner.message}`) ?? []
  return `not a valid argument: ${problems.join("; ")}`
}

function toPath(keys: readonly PropertyKey[]): string {
  return keys.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("")
}

function toNumber(text: string, units: Readonly<Record<string, number>>): number {
  const [, digits, unit] = /^(\d+)([A-Za-z]+)$/.exec(text) ?? []
  return Number(digits) * (units[unit ?? ""] ?? Number.NaN)
}
