/** Reads answers of HTTP servers with a cap on decoded bytes, so that no upstream can fill the host's memory. */
import { createParser } from "eventsource-parser"
import { Cancellation } from "../protocol/cancellation.ts"
import { upstreamError } from "../protocol/errors.ts"
import { joined, type Pieces, sizeOf, slice } from "../protocol/pieces.ts"
import { PieceCollector } from "../wire/pieceCollector.ts"
import { notMcp } from "./httpErrors.ts"
import type { HttpAnswer, HttpBody } from "./httpExchange.ts"

/** Longest message taken from a server, in bytes. */
export const maxMessageBytes = 16 * 1024 * 1024

export async function readBytes(body: HttpBody): Promise<Pieces> {
  return wholeBytes(body) ?? collect(body)
}

/** The bytes of a body that is there already; undefined while more may come. */
export function wholeBytes(body: HttpBody): Pieces | undefined {
  const chunks = body.whole()
  if (chunks !== undefined && sizeOf(chunks) > maxMessageBytes) throw tooLarge()
  return chunks
}

async function collect(body: HttpBody): Promise<Pieces> {
  const bytes = new PieceCollector()
  await body.read((chunk) => {
    bytes.add(chunk)
    if (bytes.size > maxMessageBytes) throw tooLarge()
  })
  return bytes.take()
}

/** Lets an answer nobody reads go by, so that its connection can be used again. */
export async function dump(body: HttpBody): Promise<void> {
  await readBytes(body)
}

export async function readBody(body: HttpBody): Promise<string> {
  return joined(await readBytes(body)).toString("utf8")
}

/** The status of an exchange whose answer nobody reads, and which may not take long. */
export async function briefly(
  withinMs: number,
  send: (cancellation: Cancellation) => Promise<HttpAnswer>,
): Promise<number> {
  const cancellation = new Cancellation()
  const late = setTimeout(() => cancellation.cancel(), withinMs)
  try {
    const { statusCode, body } = await send(cancellation)
    await dump(body)
    return statusCode
  } finally {
    clearTimeout(late)
  }
}

export interface EventReader {
  /** The data of a `message` event. */
  event(data: string, id: string | undefined): void
  /** The data of a large one, on one line and without an id; false to have it as text like the others. */
  large?(data: Pieces): boolean
  /** Any other event, by name. */
  other?(name: string, data: string): void
  /** The id of an event, also of one without data. */
  id?(id: string): void
  /** How long to wait before a broken stream is opened again, in milliseconds. */
  retry?(ms: number): void
}

/** Reads events until the stream ends. */
export async function readEvents(body: HttpBody, reader: EventReader): Promise<void> {
  const decode = strictDecoder()
  let failure: Error | undefined
  const parser = createParser({
    onRetry: (ms) => reader.retry?.(ms),
    onEvent: ({ event: name, data, id }) => {
      if (id !== undefined) reader.id?.(id)
      if (name !== undefined && name !== "message") reader.other?.(name, data)
      else if (data !== "") reader.event(data, id)
    },
    maxBufferSize: maxMessageBytes,
    onError: (error) => {
      if (error.type !== "unknown-field" && error.type !== "invalid-retry") failure = tooLarge()
    },
  })
  const feed = (chunk: Buffer): void => {
    parser.feed(decode(chunk))
    if (failure !== undefined) throw failure
  }
  const { large } = reader
  const collector = large === undefined ? undefined : new LargeEvents((data) => large.call(reader, data), feed)
  await body.read((chunk) => {
    if (collector === undefined) feed(chunk)
    else collector.push(chunk)
  })
}

/** Turns pieces into text, never replacing what is none. */
export function strictDecoder(): (chunk: Buffer) => string {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  return (chunk) => {
    try {
      return decoder.decode(chunk, { stream: true })
    } catch {
      throw notMcp("sent an event that is not UTF-8")
    }
  }
}

const opening = /^(?:event: ?message\n)?data: ?/

/**
 * Finds events that do not end in the chunk they begin in, which may be large, and takes their one line of data as bytes.
 * Everything else goes to the parser as it is.
 */
class LargeEvents {
  readonly #take: (data: Pieces) => boolean
  readonly #feed: (chunk: Buffer) => void
  readonly #held = new PieceCollector()
  /** True when what is held ends with a newline. */
  #endsLine = false
  /** True where an event may begin. */
  #between = true

  constructor(take: (data: Pieces) => boolean, feed: (chunk: Buffer) => void) {
    this.#take = take
    this.#feed = feed
  }

  push(arrived: Buffer): void {
    const start = this.#held.size === 0 ? this.#startOf(arrived) : 0
    if (start === undefined) {
      this.#between = arrived.toString("latin1", arrived.length - 2) === "\n\n"
      return this.#feed(arrived)
    }
    // What comes before it, as its progress does, is often sent with it.
    if (start > 0) this.#feed(arrived.subarray(0, start))
    const chunk = arrived.subarray(start)
    // The end may lie across two chunks.
    const across = this.#endsLine && chunk[0] === 10
    const end = this.#held.size + (across ? -1 : chunk.indexOf("\n\n"))
    const ends = end >= this.#held.size || across
    this.#held.add(chunk)
    this.#endsLine = chunk.at(-1) === 10
    if (this.#held.size > maxMessageBytes) throw tooLarge()
    if (ends) this.#finish(end)
  }

  /** Where an event begins in a chunk that does not end there. */
  #startOf(chunk: Buffer): number | undefined {
    const end = chunk.lastIndexOf("\n\n")
    const start = end === -1 ? 0 : end + 2
    if (start === 0 && !this.#between) return undefined
    return opening.test(chunk.toString("latin1", start, start + 32)) ? start : undefined
  }

  /** `end` is where the event ends in what is held. */
  #finish(end: number): void {
    const all = this.#held.take()
    this.#endsLine = false
    const start = opening.exec(joined(slice(all, 0, 32)).toString("latin1"))?.[0].length ?? 0
    const data = slice(all, start, end)
    const taken = !data.some((piece) => piece.includes(10)) && this.#take(data)
    const rest = taken ? slice(all, end + 2) : all
    this.#between = joined(slice(all, sizeOf(all) - 2)).toString("latin1") === "\n\n"
    for (const piece of rest) this.#feed(piece)
  }
}

export function tooLarge(): Error {
  return upstreamError("LIMIT_EXCEEDED", {
    reason: `sent a message of more than ${maxMessageBytes} bytes`,
    sent: "maybe",
    retryable: false,
  })
}
