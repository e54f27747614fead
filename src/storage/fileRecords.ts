/** One record of the file store as a file. */
import { open, readFile, stat } from "node:fs/promises"
import { isJsonObject, type JsonValue } from "../protocol/json.ts"
import { hasCode } from "./errors.ts"

export interface StoredRecord {
  readonly key: string
  readonly version: string
  /** Milliseconds since 1970; absent: never. */
  readonly expiresAt?: number
  readonly value: JsonValue
}

/** Undefined when there is no such file. */
export async function readRecord(file: string): Promise<StoredRecord | undefined> {
  let text: string
  try {
    text = await readFile(file, "utf8")
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined
    throw error
  }
  const record = parse(text)
  if (record === undefined) throw new Error(`the record in ${file} is damaged; remove the file to go on without it`)
  return record
}

/** The parser's own message would repeat what is in the file. */
function parse(text: string): StoredRecord | undefined {
  try {
    const content: unknown = JSON.parse(text)
    // Written by `writeFlushed` only.
    return isJsonObject(content) && "version" in content ? (content as unknown as StoredRecord) : undefined
  } catch {
    return undefined
  }
}

/** Makes a file that is on the disk when this resolves. */
export async function writeFlushed(file: string, record: StoredRecord): Promise<void> {
  const handle = await open(file, "wx", 0o600)
  try {
    await handle.writeFile(JSON.stringify(record))
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes sure that a power cut does not undo what was made, renamed or removed in it. Windows cannot, and needs not. */
export async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Milliseconds since it was written; 0 when it is gone. */
export async function ageOf(file: string): Promise<number> {
  try {
    return Date.now() - (await stat(file)).mtimeMs
  } catch (error) {
    if (hasCode(error, "ENOENT")) return 0
    throw error
  }
}
