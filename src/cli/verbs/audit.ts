/** `mcp-host audit verify`: whether audit logs are as the host wrote them. */
import { existsSync } from "node:fs"
import { relative, resolve } from "node:path"
import { HostError } from "../../errors.ts"
import type { Manifest } from "../../manifest/types.ts"
import { filesOf } from "../../middleware/audit/files.ts"
import { toAuditKey } from "../../middleware/audit/line.ts"
import { type Verified, verifyLog } from "../../middleware/audit/verify.ts"
import { loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { printJson, printResult } from "../terminal.ts"

export interface VerifyVerbOptions extends ManifestOptions {
  readonly keyEnv?: string
  readonly allowUnkeyed?: boolean
  readonly json?: boolean
}

interface Log {
  readonly file: string
  /** The newest first. */
  readonly keys: readonly string[]
}

/** Of one file, or of all that the manifest names. 0 when all are whole. */
export async function verify(file: string | undefined, options: VerifyVerbOptions): Promise<number> {
  const logs = await logsOf(file, options)
  const verified: { file: string; result: Verified }[] = []
  for (const log of logs) {
    if ((await filesOf(log.file)).length === 0 && !existsSync(`${log.file}.head`))
      throw new HostError("USAGE", `there is no audit log ${shown(log.file)}`, {
        help: "Name the file that the audit middleware writes; it is made with the first request.",
      })
    const mayBeginWithoutKey = options.allowUnkeyed === true
    verified.push({
      file: log.file,
      result: await verifyLog(log.file, log.keys.map(toAuditKey), { mayBeginWithoutKey }),
    })
  }
  const ok = verified.every(({ result }) => result.broken === undefined)
  if (options.json === true)
    await printJson({ ok, logs: verified.map(({ file: log, result }) => ({ log, ...result })) })
  else await printResult(verified.map(({ result }) => forPeople(result)).join("\n\n"))
  return ok ? 0 : 1
}

async function logsOf(file: string | undefined, options: VerifyVerbOptions): Promise<Log[]> {
  const wanted = file === undefined ? undefined : resolve(file)
  if (wanted !== undefined && options.keyEnv !== undefined) return [{ file: wanted, keys: [keyIn(options.keyEnv)] }]
  // A file can be checked without the manifest of its host, when it has no key.
  if (wanted !== undefined && !existsSync(options.manifest)) return [{ file: wanted, keys: [] }]
  const logs = auditsIn(await loadFor({ ...options, lock: false }))
  const found = wanted === undefined ? logs : logs.filter((log) => log.file === wanted)
  if (found.length > 0) return found
  if (wanted !== undefined) return [{ file: wanted, keys: [] }]
  throw new HostError("USAGE", `${options.manifest} has no audit middleware`, {
    help: "Name the file of the log, or the manifest that has it with -m.",
  })
}

function keyIn(name: string): string {
  const key = process.env[name]
  if (key !== undefined && key !== "") return key
  throw new HostError("USAGE", `the variable ${name} is not set`, { help: "Set it to the key of the log." })
}

/** Around the manifest and its servers, and inside. Several that write one file share it. */
function auditsIn({ middleware, servers, directory }: Manifest): Log[] {
  const own = [...middleware, ...servers.flatMap((server) => server.middleware)].flatMap(
    ({ name, module, options }) => {
      if (name !== "audit" || module !== undefined) return []
      const { file, key, previousKeys } = options
      const keys = [key, ...(Array.isArray(previousKeys) ? previousKeys : [])]
      return [{ file: resolve(directory, String(file)), keys: keys.filter((each) => typeof each === "string") }]
    },
  )
  const inside = servers.flatMap(({ target }) => (target.kind === "manifest" ? auditsIn(target.manifest) : []))
  const byFile = new Map<string, Log>()
  for (const log of [...own, ...inside])
    byFile.set(log.file, { file: log.file, keys: [...new Set([...(byFile.get(log.file)?.keys ?? []), ...log.keys])] })
  return [...byFile.values()]
}

function forPeople({ files, lines, requests, from, to, keyed, broken, notes }: Verified): string {
  const span = from === undefined ? "" : `, ${from} to ${to}`
  return [
    ...files.map(({ file, lines: count, first, last }) => {
      const range = first === undefined ? "" : ` (${first} to ${last})`
      return `${shown(file)}: ${count} ${count === 1 ? "line" : "lines"}${range}`
    }),
    ...notes.map((note) => `note: ${note}`),
    broken === undefined
      ? `ok: ${lines} lines, ${requests} requests${span}; ${keyed ? "each was made with the key" : "no key: who can write the files can make them anew"}`
      : `${shown(broken.file)}:${broken.line}: ${broken.reason}\nbroken: ${lines} lines before it are whole`,
  ].join("\n")
}

function shown(file: string): string {
  const path = relative(process.cwd(), file)
  return path === "" || path.startsWith("..") ? file : path
}
