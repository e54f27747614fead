/** The `config` of the manifest, checked. The host does not know this schema: a sub-server validates its own. */
import path from "node:path"
import * as z from "zod"

export interface FilesConfig {
  /** Folders by name, as written in the manifest. */
  readonly roots: Readonly<Record<string, string>>
  /** True: the tools that change files do not exist. */
  readonly readOnly: boolean
  /** Most bytes one read returns. */
  readonly maxReadBytes: number
  readonly maxWriteBytes: number
  /** Most entries one list or search returns. */
  readonly maxResults: number
  /** Whether clients can subscribe to files. */
  readonly watch: boolean
}

/** Throws one Error that names every wrong key. */
export function parseConfig(value: unknown): FilesConfig {
  const parsed = configSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${["config", ...issue.path].join(".")}: ${issue.message}`)
  throw new Error(`files: ${problems.join("; ")}. Known keys: ${Object.keys(configSchema.shape).join(", ")}.`)
}

const rootName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$/
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

const folderSchema = z.string({ error: "must be a folder, given as text" }).min(1, "must not be empty: give a folder")
const rootsSchema = z
  .record(z.string(), folderSchema, "must map names to folders, such as { docs: ./docs }, or be a list of folders")
  .superRefine((roots, problems) => {
    const names = Object.keys(roots)
    if (names.length === 0) problems.addIssue("must give at least one folder")
    for (const name of names.filter((given) => !rootName.test(given))) {
      problems.addIssue(`${JSON.stringify(name)} is not a name: use letters, digits, '-', '_' and '.'`)
    }
  })

const configSchema = z.strictObject({
  roots: z.preprocess((given) => (Array.isArray(given) ? toNamedRoots(given) : given), rootsSchema),
  readOnly: z.boolean({ error: "must be true or false" }).default(false),
  maxReadBytes: sizeSchema.default(1024 * 1024),
  maxWriteBytes: sizeSchema.default(1024 * 1024),
  maxResults: z.int("must be a whole number").min(1).max(10_000).default(200),
  watch: z.boolean({ error: "must be true or false" }).default(true),
})

/** A list of folders gets its names from the folders' own: `docs`, and `docs-2` for the next of that name. */
function toNamedRoots(folders: readonly unknown[]): Record<string, unknown> {
  const named: Record<string, unknown> = {}
  for (const folder of folders) {
    const letters = path.basename(path.resolve(String(folder))).replaceAll(/[^A-Za-z0-9_-]+/g, "-")
    const base = rootName.test(letters) ? letters : "root"
    let name = base
    for (let number = 2; name in named; number += 1) name = `${base}-${number}`
    named[name] = folder
  }
  return named
}
