/**
 * One line of an audit log: JSON whose last two members chain it to the line before, `prev` with that line's hash and
 * `hash` with its own. A hash is SHA-256 over the bytes of the line before `,"hash"`, or HMAC-SHA-256 with a key; then
 * nobody without the key can make a line that fits.
 */
import { createHash, createHmac } from "node:crypto"
import { isJsonObject, type JsonObject, parseJsonObject } from "../../protocol/json.ts"
import { deriveSecret, toSealingKey } from "../../storage/sealing.ts"

/** What the first line of a log has as `prev`. */
export const noHash = "0".repeat(64)

export interface AuditKey {
  /** Tells keys apart and says nothing about them. */
  readonly id: string
  readonly lines: Buffer
  readonly digests: Buffer
}

export function toAuditKey(text: string): AuditKey {
  const key = toSealingKey(text)
  return {
    id: key.id,
    lines: deriveSecret(key, "mcp-host audit lines"),
    digests: deriveSecret(key, "mcp-host audit digests"),
  }
}

/** Where a line is in the chain. */
export interface Link {
  readonly seq: number
  readonly hash: string
}

export interface Line extends Link {
  readonly prev: string
  readonly value: JsonObject
  /** False when the hash is not that of the line; undefined when its key is not known. */
  readonly fits: boolean | undefined
}

/** What the host notes beside requests. The first line of every file is an `open`. */
export type EventName = "open" | "close" | "torn" | "damaged" | "gap" | "dropped"

/** The members of a line between `seq` and `prev`. */
export type Fields = Readonly<Record<string, unknown>>

/** The line after `before`, without its line break. */
export function makeLine(fields: Fields, before: Link, key: AuditKey | undefined): { readonly text: string } & Link {
  const seq = before.seq + 1
  const open = JSON.stringify({ seq, ...fields, prev: before.hash }).slice(0, -1)
  const hash = hashOf(open, key)
  return { text: `${open},"hash":"${hash}"}`, seq, hash }
}

const shape = /^(?<hashed>\{"seq":(?<seq>\d{1,15}),.*"prev":"(?<prev>[0-9a-f]{64})"),"hash":"(?<hash>[0-9a-f]{64})"\}$/

/** Undefined for what is no line. `keyOf` gives the key of that id: undefined without one, null when it is not known. */
export function parseLine(text: string, key: AuditKey | undefined | null): Line | undefined {
  const parts = shape.exec(text)?.groups
  const value = parts === undefined ? undefined : parseJsonObject(text)
  if (parts === undefined || value === undefined) return undefined
  const { hashed = "", seq, prev = "", hash = "" } = parts
  const fits = key === null ? undefined : hashOf(hashed, key) === hash
  return { seq: Number(seq), prev, hash, value, fits }
}

/** The id of the key that an `open` line names; undefined when it names none, or is no such line. */
export function keyIdOf({ value }: Line): string | undefined {
  return value["event"] === "open" && typeof value["key"] === "string" ? value["key"] : undefined
}

export function isEvent(value: unknown, name: EventName): boolean {
  return isJsonObject(value) && value["event"] === name
}

export function hashOf(text: string | Buffer, key: AuditKey | undefined): string {
  return (key === undefined ? createHash("sha256") : createHmac("sha256", key.lines)).update(text).digest("hex")
}

/** What arguments are known by: equal ones have equal digests. With a key, nobody without it can try values out. */
export function digestOf(text: string, key: AuditKey | undefined): string {
  if (key === undefined) return `sha256:${createHash("sha256").update(text).digest("hex")}`
  return `hmac-sha256:${createHmac("sha256", key.digests).update(text).digest("hex")}`
}
