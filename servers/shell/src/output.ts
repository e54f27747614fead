/** Collects two output streams within one byte limit, and tells complete lines as they come. */
import { StringDecoder } from "node:string_decoder"

export type StreamName = "stdout" | "stderr"

export interface Output {
  /** Bytes past the limit are dropped. */
  add(stream: StreamName, chunk: Buffer): void
  /** The text so far; also tells a last line without a line feed. */
  end(): { readonly stdout: string; readonly stderr: string; readonly truncated: boolean }
}

export function createOutput(maxBytes: number, onLine?: (line: string) => void): Output {
  const streams = { stdout: createStream(onLine), stderr: createStream(onLine) }
  let left = maxBytes
  let truncated = false
  return {
    add(stream, chunk) {
      const kept = chunk.subarray(0, left)
      left -= kept.length
      if (kept.length < chunk.length) truncated = true
      if (kept.length > 0) streams[stream].add(kept)
    },
    end() {
      return { stdout: streams.stdout.end(truncated), stderr: streams.stderr.end(truncated), truncated }
    },
  }
}

function createStream(onLine?: (line: string) => void) {
  const decoder = new StringDecoder("utf8")
  let text = ""
  let line = ""
  const push = (decoded: string): void => {
    text += decoded
    if (onLine === undefined) return
    const parts = (line + decoded).split(/\r?\n/)
    line = parts.pop() ?? ""
    for (const part of parts) onLine(part)
  }
  return {
    add: (chunk: Buffer): void => push(decoder.write(chunk)),
    end(truncated: boolean): string {
      // A character that the limit cut in half is left out; one that the program itself never finished is shown as such.
      const rest = decoder.end()
      if (!truncated) push(rest)
      if (line !== "" && onLine !== undefined) onLine(line)
      line = ""
      return text
    },
  }
}
