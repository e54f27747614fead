/** Reads a part of an open file, as text where it is text. Memory is bounded whatever the file's size. */
import type { FileHandle } from "node:fs/promises"
import { FileError } from "./fileError.ts"

export interface ReadOptions {
  /** Lines or bytes; undefined: lines of text, bytes of anything else. */
  readonly unit?: "lines" | "bytes" | undefined
  /** True: base64 even for text. */
  readonly asBase64?: boolean
  /** Units to skip. */
  readonly offset: number
  /** Most units to return. */
  readonly limit?: number | undefined
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
}

export interface Content {
  readonly content: string
  readonly encoding: "utf-8" | "base64"
  readonly unit: "lines" | "bytes"
  /** Where the next part begins; undefined at the end of the file. */
  readonly nextOffset?: number
}

interface Slice {
  readonly data: Buffer
  readonly nextOffset: number | undefined
}

const sampleBytes = 8192
const chunkBytes = 64 * 1024

export async function readContent(handle: FileHandle, size: number, options: ReadOptions): Promise<Content> {
  const isText = !options.asBase64 && isTextSample((await readBytes(handle, 0, sampleBytes)).data)
  const unit = options.unit ?? (isText ? "lines" : "bytes")
  if (unit === "lines") {
    if (!isText) throw new FileError('This is not a text file, so it has no lines. Read it with unit "bytes".')
    return toContent(await readLines(handle, size, options), unit)
  }
  const { offset, limit = options.maxBytes } = options
  const { data } = await readBytes(handle, offset, Math.min(limit, options.maxBytes))
  const kept = isText ? wholeCharacters(data, offset, offset + data.length >= size) : data
  const end = offset + (kept.byteOffset - data.byteOffset) + kept.length
  return toContent({ data: kept, nextOffset: end < size && kept.length > 0 ? end : undefined }, unit, isText)
}

/** No NUL: text. Whether it is valid UTF-8 shows when it is decoded. */
export function isTextSample(sample: Uint8Array): boolean {
  return !sample.subarray(0, sampleBytes).includes(0)
}

/** The text, or undefined when the bytes are not UTF-8. */
export function decodeText(data: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    return undefined
  }
}

function toContent({ data, nextOffset }: Slice, unit: "lines" | "bytes", isText = true): Content {
  const text = isText ? decodeText(data) : undefined
  const next = nextOffset === undefined ? {} : { nextOffset }
  if (text !== undefined) return { content: text, encoding: "utf-8", unit, ...next }
  return { content: data.toString("base64"), encoding: "base64", unit, ...next }
}

async function readBytes(handle: FileHandle, offset: number, length: number): Promise<{ data: Buffer }> {
  const { size } = await handle.stat()
  const data = Buffer.alloc(Math.max(0, Math.min(length, size - offset)))
  let filled = 0
  while (filled < data.length) {
    const { bytesRead } = await handle.read(data, filled, data.length - filled, offset + filled)
    if (bytesRead === 0) break // The file became shorter.
    filled += bytesRead
  }
  return { data: data.subarray(0, filled) }
}

/** Whole lines from `offset` on, as many as fit. */
async function readLines(handle: FileHandle, size: number, options: ReadOptions): Promise<Slice> {
  const { offset, limit = Number.POSITIVE_INFINITY, maxBytes, signal } = options
  const chunk = Buffer.alloc(chunkBytes)
  const kept: Buffer[] = []
  let keptBytes = 0
  let wholeLineBytes = 0
  let line = 0
  let position = 0
  while (line < offset + limit) {
    signal?.throwIfAborted()
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position)
    if (bytesRead === 0) return { data: Buffer.concat(kept), nextOffset: undefined }
    const data = chunk.subarray(0, bytesRead)
    for (let start = 0; start < data.length && line < offset + limit; ) {
      const newline = data.indexOf("\n", start)
      const end = newline === -1 ? data.length : newline + 1
      if (line >= offset) {
        if (keptBytes + end - start > maxBytes) return upToWholeLine(kept, wholeLineBytes, line)
        kept.push(Buffer.from(data.subarray(start, end)))
        keptBytes += end - start
      }
      if (newline !== -1) {
        line += 1
        wholeLineBytes = keptBytes
      }
      position += end - start
      start = end
    }
  }
  return { data: Buffer.concat(kept), nextOffset: position < size ? line : undefined }
}

function upToWholeLine(kept: readonly Buffer[], bytes: number, line: number): Slice {
  if (bytes > 0) return { data: Buffer.concat(kept).subarray(0, bytes), nextOffset: line }
  throw new FileError(`Line ${line} alone is longer than one read returns. Read the file with unit "bytes".`)
}

/** Without the halves of characters that a cut leaves at the ends. */
function wholeCharacters(data: Buffer, offset: number, isEnd: boolean): Buffer {
  let start = 0
  while (offset > 0 && start < 3 && isContinuation(data[start])) start += 1
  let end = data.length
  if (!isEnd) {
    let lead = end - 1
    while (lead > start && end - lead < 4 && isContinuation(data[lead])) lead -= 1
    if (lead >= start && lead + characterLength(data[lead]) > end) end = lead
  }
  return end > start ? data.subarray(start, end) : data
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}

function characterLength(lead: number | undefined = 0): number {
  if (lead < 0xc0) return 1
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}
