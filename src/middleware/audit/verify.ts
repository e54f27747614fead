/**
 * Checks an audit log: every line's own hash, its place in the chain over all files, and the end that the head tells of.
 * Stops at the first break. Called by `mcp-host audit verify`; the log may be written meanwhile.
 */
import { filesOf, type LogFile } from "./files.ts"
import { readHead } from "./head.ts"
import type { AuditKey } from "./line.ts"
import { Verifier } from "./verifier.ts"

/** Times a log is read again that changed files while it was read. */
const maxAttempts = 5

export interface Break {
  readonly file: string
  readonly line: number
  readonly reason: string
}

export interface VerifiedFile {
  readonly file: string
  readonly lines: number
  /** Numbers of its first and last line; undefined for a file without any. */
  readonly first?: number
  readonly last?: number
}

export interface Verified {
  readonly files: readonly VerifiedFile[]
  readonly lines: number
  /** Requests among them. */
  readonly requests: number
  /** Time of the first and the last line. */
  readonly from?: string
  readonly to?: string
  /** Whether every line needs the key to be made. */
  readonly keyed: boolean
  readonly broken?: Break
  /** What is no break, and worth knowing. */
  readonly notes: readonly string[]
}

export interface VerifyOptions {
  /** Whether a log that has a key may have begun without one. */
  readonly mayBeginWithoutKey?: boolean
}

export async function verifyLog(
  file: string,
  keys: readonly AuditKey[],
  { mayBeginWithoutKey = false }: VerifyOptions = {},
): Promise<Verified> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await filesOf(file)
    // First: it is behind the lines, never ahead.
    const head = await readHead(file, (id) => keys.find((key) => key.id === id))
    const verified = await new Verifier(file, { keys, head, mayBeginWithoutKey }).run()
    if (verified.broken === undefined || attempt === maxAttempts || isSame(before, await filesOf(file))) return verified
  }
}

function isSame(one: readonly LogFile[], other: readonly LogFile[]): boolean {
  return one.map(({ path }) => path).join("\n") === other.map(({ path }) => path).join("\n")
}
