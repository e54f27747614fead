/** Reads a small UTF-8 text file: bounded, and with a reason when it cannot. */
import { constants } from "node:fs"
import { open } from "node:fs/promises"
import type { HostErrorCode } from "../errors.ts"

export type TextResult =
  | { readonly text: string }
  | { readonly code: HostErrorCode; readonly reason: string /** Text before the bad byte. */; readonly before?: string }

/** Never blocks on a pipe or device: those are refused. */
export async function readText(file: string, limitBytes: number): Promise<TextResult> {
  try {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever. Windows has no such flag.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stats = await handle.stat()
      if (stats.isDirectory()) return { code: "MANIFEST_UNREADABLE", reason: "is a folder" }
      if (!stats.isFile()) return { code: "MANIFEST_UNREADABLE", reason: "is not a regular file" }
      if (stats.size > limitBytes) return tooLarge(limitBytes)
      // One byte more than allowed, so that a file that grows, or whose size the system does not tell, is noticed.
      const { bytesRead, buffer } = await readUpTo(handle, limitBytes + 1)
      return bytesRead > limitBytes ? tooLarge(limitBytes) : decode(buffer.subarray(0, bytesRead))
    } finally {
      await handle.close()
    }
  } catch (error) {
    return { ...reasonOf(error) }
  }
}

async function readUpTo(handle: Awaited<ReturnType<typeof open>>, limit: number) {
  const buffer = Buffer.alloc(limit)
  let total = 0
  for (;;) {
    const { bytesRead } = await handle.read(buffer, total, limit - total, total)
    total += bytesRead
    if (bytesRead === 0 || total === limit) return { bytesRead: total, buffer }
  }
}

function tooLarge(limitBytes: number): TextResult {
  return { code: "MANIFEST_TOO_LARGE", reason: `is larger than ${limitBytes / 1024} KiB` }
}

/** What went wrong with a path, in words, from a Node error. */
export function reasonOf(error: unknown): { code: HostErrorCode; reason: string } {
  // Node's errors carry `code`; anything else has none.
  const code = (error as { code?: unknown }).code
  if (code === "ENOENT" || code === "ENOTDIR") return { code: "MANIFEST_NOT_FOUND", reason: "does not exist" }
  if (code === "EISDIR") return { code: "MANIFEST_UNREADABLE", reason: "is a folder" }
  if (code === "EACCES" || code === "EPERM") {
    return { code: "MANIFEST_UNREADABLE", reason: "may not be read (permission denied)" }
  }
  return {
    code: "MANIFEST_UNREADABLE",
    reason: `cannot be read (${typeof code === "string" ? code : "unknown error"})`,
  }
}

/** UTF-8 only; a byte order mark is dropped. */
export function decode(bytes: Uint8Array): TextResult {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { code: "MANIFEST_UNREADABLE", reason: "is UTF-16; save it as UTF-8", before: "" }
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) }
  } catch {
    return { code: "MANIFEST_SYNTAX", reason: "is not valid UTF-8 here", before: validStart(bytes) }
  }
}

/** The longest valid beginning, found by halving: decoding as a stream accepts a character cut at the end. */
function validStart(bytes: Uint8Array): string {
  let low = 0
  let high = bytes.length
  let text = ""
  while (low < high) {
    const middle = (low + high + 1) >> 1
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true })
      low = middle
    } catch {
      high = middle - 1
    }
  }
  return text
}
