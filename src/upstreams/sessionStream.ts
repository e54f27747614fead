/**
 * The GET stream of a legacy session, on which comes what belongs to no request (specification 2025-11-25,
 * basic/transports, "Listening for Messages from the Server"). Opened again whenever it ends, until the session does.
 */
import { ProtocolError } from "../protocol/errors.ts"
import { isEventStream, reconnectIn, reconnectMs } from "./answerStream.ts"
import { briefly, dump, readEvents } from "./httpBody.ts"
import type { HttpConnection, HttpSession } from "./httpConnection.ts"
import { reachError } from "./httpErrors.ts"
import { connectMs } from "./httpExchange.ts"

export interface SessionStreamReceiver {
  /** Throws when the message cannot be taken. */
  receive(data: string): void
  /** Something may have come while there was no stream. */
  missed(): void
  /** The server does not know the session. */
  lost(session: HttpSession): void
  /** The server cannot be reached any more. */
  gone(reason: string): void
}

/** Resolves when the session is over, or the server has no such stream. */
export async function keepListening(
  connection: HttpConnection,
  session: HttpSession,
  receiver: SessionStreamReceiver,
): Promise<void> {
  let lastEventId: string | undefined
  let broken = false
  let waitMs = reconnectMs
  while (!session.ended.cancelled) {
    try {
      const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId }
      const answer = await connection.request("GET", { cancellation: session.ended, headers })
      if (!isEventStream(answer)) {
        await dump(answer.body)
        // A server without such a stream answers 405; some do not know the address, which is no word about the session.
        if (answer.statusCode === 404) await isThere(connection, session, receiver)
        return
      }
      if (broken) receiver.missed()
      broken = true
      await readEvents(answer.body, {
        event: (data, id) => {
          lastEventId = id ?? lastEventId
          receiver.receive(data)
        },
        retry: (ms) => {
          waitMs = reconnectIn(ms)
        },
      })
    } catch (error) {
      // After a message that cannot be taken the stream is opened again.
      if (!(error instanceof ProtocolError) && !(await isThere(connection, session, receiver))) return
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs).unref())
  }
}

/** Whether the server still knows the session; it may have broken the stream without ending that. */
async function isThere(
  connection: HttpConnection,
  session: HttpSession,
  receiver: SessionStreamReceiver,
): Promise<boolean> {
  if (session.ended.cancelled) return false
  try {
    const body = JSON.stringify({ jsonrpc: "2.0", id: "host-ping", method: "ping" })
    const status = await briefly(connectMs, (cancellation) => connection.request("POST", { cancellation, body }))
    // Some servers refuse an unknown session as a bad request; a ping is none.
    if (status !== 404 && status !== 400) return true
    receiver.lost(session)
  } catch (error) {
    receiver.gone(reachError(error).message)
  }
  return false
}
