/**
 * The event stream of one answer. A session's stream that ends or breaks before the answer is resumed after the server's
 * `retry`, when its events had ids (specification 2025-11-25, basic/transports, "Resumability and Redelivery").
 */
import type { Cancellation } from "../protocol/cancellation.ts"
import { ProtocolError } from "../protocol/errors.ts"
import { dump, type EventReader, readEvents } from "./httpBody.ts"
import type { HttpAnswer, HttpBody } from "./httpExchange.ts"

/** Wait before a broken stream is opened again when the server does not say, in milliseconds. */
export const reconnectMs = 1_000
const shortestReconnectMs = 50
const longestReconnectMs = 60_000
/** Attempts in a row to open a stream again, after which it is given up. */
const maxFailures = 3

export interface Resuming {
  /** True while the answer has not come and its stream may be opened again. */
  readonly wanted: () => boolean
  /** Opens the stream behind the event with that id. */
  readonly open: (lastEventId: string) => Promise<HttpAnswer>
  readonly cancellation: Cancellation
}

/** Resolves when the answer came or cannot come any more; rejects when the stream broke and cannot be resumed. */
export async function readAnswer(
  body: HttpBody,
  take: Pick<EventReader, "event" | "large">,
  { wanted, open, cancellation }: Resuming,
): Promise<void> {
  let lastEventId: string | undefined
  let waitMs = reconnectMs
  let failure: unknown
  let failures = 0
  const reader: EventReader = {
    ...take,
    id: (id) => {
      lastEventId = id
    },
    retry: (ms) => {
      waitMs = reconnectIn(ms)
    },
  }
  const read = async (stream: HttpBody): Promise<void> => {
    failure = undefined
    await readEvents(stream, reader).catch((error: unknown) => {
      // Something that cannot be taken would come again.
      if (error instanceof ProtocolError) throw error
      failure = error
    })
  }
  await read(body)
  while (lastEventId !== undefined && failures < maxFailures && wanted()) {
    await pause(waitMs, cancellation)
    if (cancellation.cancelled) return
    const resumed = await open(lastEventId).catch((error: unknown) => {
      failure = error
      failures += 1
    })
    if (resumed === undefined) continue
    if (!isEventStream(resumed)) return dump(resumed.body)
    failures = 0
    await read(resumed.body)
  }
  if (failure !== undefined) throw failure
}

export function isEventStream({ statusCode, headers }: HttpAnswer): boolean {
  return statusCode === 200 && String(headers["content-type"] ?? "").startsWith("text/event-stream")
}

/** The server's `retry`, kept from making the host ask without pause or never again. */
export function reconnectIn(ms: number): number {
  return Math.min(Math.max(ms, shortestReconnectMs), longestReconnectMs)
}

/** Ends early when it is cancelled. */
function pause(ms: number, cancellation: Cancellation): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      stopListening()
      resolve()
    }
    const timer = setTimeout(end, ms)
    const stopListening = cancellation.on(end)
  })
}
