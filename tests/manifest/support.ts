import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { onTestFinished } from "vitest"
import { type LoadOptions, loadManifest } from "../../src/manifest/load.ts"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { Manifest, ServerEntry } from "../../src/manifest/types.ts"

export type Files = Readonly<Record<string, string | Buffer>>

/** A folder with these files (a name that ends in `/` is a folder), gone after the test. */
export function folder(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), "mcp-host-manifest-"))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, name)
    mkdirSync(name.endsWith("/") ? file : dirname(file), { recursive: true })
    if (!name.endsWith("/")) writeFileSync(file, content)
  }
  return root
}

export interface LoadFacts extends LoadOptions {
  readonly files?: Files
}

/** Loads a manifest with this text; without environment unless given. */
export function load(text: string | Buffer, { files = {}, ...options }: LoadFacts = {}): Promise<Manifest> {
  const root = folder({ "servers/notes/index.js": "", ...files, "mcp-host.yaml": text })
  return loadManifest(join(root, "mcp-host.yaml"), { env: {}, ...options })
}

/** The error that loading throws; fails when it throws anything else or nothing. */
export async function failure(text: string | Buffer, facts: LoadFacts = {}): Promise<ManifestError> {
  const error = await load(text, facts).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ManifestError) return error
  throw new Error("The manifest was expected to have problems.", { cause: error })
}

/** Its problems as `line:column CODE message`. */
export async function problems(text: string | Buffer, facts: LoadFacts = {}): Promise<string[]> {
  const error = await failure(text, facts)
  return error.problems.map(({ place, code, message }) => `${place.line}:${place.column} ${code} ${message}`)
}

/** Problems of several files as `file:line:column CODE message`, files relative to the manifest's folder. */
export async function problemsOf(files: Files): Promise<string[]> {
  const root = folder(files)
  const error = await loadManifest(join(root, "mcp-host.yaml"), { env: {} }).catch((thrown: unknown) => thrown)
  if (!(error instanceof ManifestError)) throw new Error("The manifest was expected to have problems.")
  return error.problems.map(
    ({ place, code, message }) =>
      `${place.file.replace(`${root}/`, "")}:${place.line}:${place.column} ${code} ${message}`,
  )
}

/** The only server of a manifest that has this as its one entry `a`. */
export async function server(
  entry: string,
  facts: LoadFacts & { readonly before?: string } = {},
): Promise<ServerEntry> {
  const { before = "", ...rest } = facts
  const manifest = await load(`${before}servers:\n  a:\n${indent(entry)}`, rest)
  const [only] = manifest.servers
  if (only === undefined) throw new Error("The manifest has no server.")
  return only
}

/** Problems of a manifest that has this as its one entry `a`; lines count from the entry's first. */
export async function serverProblems(entry: string, facts: LoadFacts = {}): Promise<string[]> {
  const found = await problems(`servers:\n  a:\n${indent(entry)}`, facts)
  return found.map((problem) => problem.replace(/^(\d+):(\d+)/, (_, line, column) => `${line - 2}:${column - 4}`))
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `    ${line}\n`)
    .join("")
}

/** Processor time this process has used, in milliseconds: a bound on it does not depend on what else the machine does. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** The promise is two seconds on an idle machine; what is wrong takes minutes. */
export const promisedMs = 10_000
