/** Where `${…}` takes its values from: the real environment, then `.env`; and files. */
import { readFileSync, statSync } from "node:fs"
import { resolve } from "node:path"
import { parseEnv } from "node:util"
import type { Values } from "./interpolate.ts"
import { decode, readText, reasonOf } from "./readText.ts"
import type { Report } from "./report.ts"

export type Environment = Readonly<Record<string, string | undefined>>

const largestEnvFile = 1024 * 1024
const largestValueFile = 64 * 1024

export interface EnvFileOptions {
  readonly directory: string
  /** Replaces `.env` beside the manifest, and must exist. Relative to the working directory. */
  readonly envFile?: string | undefined
  /** Told of the file, whether it exists or not. */
  readonly watch?: ((file: string) => void) | undefined
}

/** The variables of the env file; problems with the file are reported at its first line. */
export async function loadEnvFile({ directory, envFile, watch }: EnvFileOptions, report: Report): Promise<Environment> {
  const file = envFile === undefined ? resolve(directory, ".env") : resolve(envFile)
  watch?.(file)
  const result = await readText(file, largestEnvFile)
  if ("text" in result) return parseEnv(result.text)
  if (envFile === undefined && result.code === "MANIFEST_NOT_FOUND") return {}
  const missing = result.code === "MANIFEST_NOT_FOUND"
  report.problems.push({
    code: missing ? "MANIFEST_MISSING_PATH" : "MANIFEST_UNREADABLE",
    message: `the environment file ${result.reason}`,
    help: missing ? "Correct the path of the environment file." : "Make it a readable UTF-8 file of NAME=value lines.",
    place: { file, line: 1, column: 1 },
    severity: "error",
  })
  return {}
}

export interface ValueSources {
  readonly env: Environment
  readonly fileEnv: Environment
  /** Where relative paths of files start. */
  readonly directory: string
  /** Told of every file that is read, or was to be. */
  readonly watch: (file: string) => void
}

/** The real environment wins over the file's. */
export function createValues({ env, fileEnv, directory, watch }: ValueSources): Values {
  const files = new Map<string, ReturnType<Values["file"]>>()
  return {
    variable(name) {
      // Only own members: `${constructor}` is a missing variable.
      if (Object.hasOwn(env, name) && env[name] !== undefined) return env[name]
      return Object.hasOwn(fileEnv, name) ? fileEnv[name] : undefined
    },
    file(path) {
      const file = resolve(directory, path)
      watch(file)
      const result = files.get(path) ?? readValueFile(file)
      files.set(path, result)
      return result
    },
  }
}

function readValueFile(file: string): { text: string } | { reason: string } {
  try {
    const stats = statSync(file)
    // A pipe or device could block, or never end.
    if (!stats.isFile()) return { reason: "is not a regular file" }
    if (stats.size > largestValueFile) return { reason: `is larger than ${largestValueFile / 1024} KiB` }
    const result = decode(readFileSync(file))
    if (!("text" in result)) return { reason: "is not UTF-8 text" }
    if (result.text.includes("\0")) return { reason: "holds a NUL character" }
    return { text: result.text.replace(/\r?\n$/, "") }
  } catch (error) {
    return { reason: reasonOf(error).reason }
  }
}
