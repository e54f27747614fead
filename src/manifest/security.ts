/** What the lock of a manifest says of its servers. */
import { existsSync } from "node:fs"
import { basename } from "node:path"
import { HostError } from "../errors.ts"
import { readLock } from "./lockFile.ts"
import type { Scope } from "./scope.ts"
import type { SecuritySection } from "./types.ts"

export interface LockFacts {
  /** The lock file. */
  readonly file: string
  readonly scope: Scope
  /** Before the keys of servers: locks know them by the keys of their own manifest. */
  readonly path: string
}

/** Undefined when a problem was reported. */
export async function securityOf(
  lock: "enforce" | "warn",
  { file, scope, path }: LockFacts,
): Promise<SecuritySection | undefined> {
  const locked = existsSync(file) ? await readLock(file).catch(refusal) : undefined
  if (locked instanceof HostError) scope.problem(locked.code, ["security", "lock"], locked.message)
  else if (lock === "enforce" && locked === undefined)
    scope.problem("LOCK_MISSING", ["security", "lock"], `security.lock is "enforce", and there is no ${basename(file)}`)
  else if (locked === undefined) return { lock: "off" }
  else return { lock, locked: new Map([...locked].map(([key, server]) => [path + key, server])) }
  return undefined
}

function refusal(error: unknown): HostError {
  if (error instanceof HostError) return error
  throw error
}
