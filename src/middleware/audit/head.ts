/**
 * The head of an audit log: a small file beside it with the last line that was surely written, so that lines missing at
 * the end are missed. It is replaced whole, never ahead of the log, and behind it for a moment at most.
 */
import { open, readFile, rename } from "node:fs/promises"
import { parseJsonObject } from "../../protocol/json.ts"
import { hasCode } from "../../storage/errors.ts"
import { type AuditKey, hashOf, type Link } from "./line.ts"

export interface Head extends Link {
  /** The first line that is kept. */
  readonly first: number
  /** Id of the key; undefined without one. */
  readonly key: string | undefined
}

export type HeadReading =
  | { readonly head: Head; readonly fits: boolean | undefined }
  /** Why there is none. */
  | { readonly problem: "missing" | "unreadable" }

export const headOf = (file: string): string => `${file}.head`

export async function writeHead(
  file: string,
  { seq, hash, first }: Link & { readonly first: number },
  { key, sync }: { readonly key: AuditKey | undefined; readonly sync: boolean },
): Promise<void> {
  const fields = { seq, hash, first, ...(key !== undefined && { key: key.id }) }
  const text = JSON.stringify({ ...fields, mac: hashOf(JSON.stringify(fields), key) })
  const beside = `${headOf(file)}.new`
  const handle = await open(beside, "w", 0o600)
  try {
    await handle.writeFile(`${text}\n`)
    if (sync) await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, headOf(file))
}

/** `keyOf` gives the key of an id: undefined when it is not known. */
export async function readHead(file: string, keyOf: (id: string) => AuditKey | undefined): Promise<HeadReading> {
  let text: string
  try {
    text = await readFile(headOf(file), "utf8")
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { problem: "missing" }
    throw error
  }
  const { mac, ...fields } = parseJsonObject(text) ?? {}
  const { seq, hash, first, key: id } = fields
  if (typeof seq !== "number" || typeof hash !== "string" || typeof first !== "number") return { problem: "unreadable" }
  const key = typeof id === "string" ? keyOf(id) : undefined
  const isUnknown = typeof id === "string" && key === undefined
  const head: Head = { seq, hash, first, key: typeof id === "string" ? id : undefined }
  return { head, fits: isUnknown ? undefined : hashOf(JSON.stringify(fields), key) === mac }
}
