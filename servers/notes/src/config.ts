/** The `config` of the manifest, checked. The host does not know this schema: a sub-server validates its own. */
import * as z from "zod"

export interface NotesConfig {
  /** Folder of the notes, as written in the manifest. */
  readonly dir: string
  /** Largest note, in bytes. */
  readonly maxBytes: number
}

/** Throws one Error that names every wrong key. */
export function parseConfig(value: unknown): NotesConfig {
  const parsed = configSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${["config", ...issue.path].join(".")}: ${issue.message}`)
  throw new Error(`notes: ${problems.join("; ")}. Known keys: ${Object.keys(configSchema.shape).join(", ")}.`)
}

const units: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2 }

/** A number of bytes, or text such as `256KiB`. */
const sizeSchema = z
  .union([z.number(), z.string()], { error: "must be a number of bytes or a size such as 256KiB" })
  .transform((given, problems) => {
    const [, digits, unit = "B"] = /^(\d+) ?(B|KiB|MiB)?$/.exec(String(given)) ?? []
    const bytes = Number(digits) * (units[unit] ?? Number.NaN)
    if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes
    problems.addIssue(`must be a size of at least one byte, such as 65536, 256KiB or 1MiB; got ${given}`)
    return z.NEVER
  })

const configSchema = z.strictObject({
  dir: z
    .string({ error: "must be a folder, given as text; relative to the manifest" })
    .min(1, "must not be empty: give the folder of the notes"),
  maxBytes: sizeSchema.default(256 * 1024),
})
