/** HTTP exchanges with an endpoint without an SDK, so that hundreds of clients fit into one process. */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http"
import type { Json } from "./testClient.ts"

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

/** Closes connections that wait for another exchange; nothing may be under way. */
export function closeIdleConnections(): void {
  agent.destroy()
}

export interface HttpWire {
  /** Resolves when the headers of the answer are there. `signal` closes the connection. */
  send(method: string, headers: Record<string, string>, body?: Json, signal?: AbortSignal): Promise<IncomingMessage>
  /** Breaks off all that is under way. */
  close(): void
}

export function createHttpWire(url: string): HttpWire {
  const open = new Set<() => void>()
  return {
    send: (method, headers, body, signal) =>
      new Promise((resolve, reject) => {
        const accept = "application/json, text/event-stream"
        const request = httpRequest(url, {
          agent,
          method,
          headers: { "content-type": "application/json", accept, ...headers },
          ...(signal !== undefined && { signal }),
        })
        const abort = (): void => void request.destroy()
        open.add(abort)
        request.once("close", () => open.delete(abort))
        request.once("response", resolve).once("error", reject)
        request.end(body === undefined ? undefined : JSON.stringify({ jsonrpc: "2.0", ...body }))
      }),
    close() {
      for (const abort of open) abort()
    },
  }
}

/** Reads the whole answer: one JSON text, or one for each event. */
export async function readMessages(response: IncomingMessage, receive: (text: string) => void): Promise<void> {
  const isStream = response.headers["content-type"]?.startsWith("text/event-stream") === true
  let text = ""
  for await (const chunk of response.setEncoding("utf8")) {
    text += chunk
    if (!isStream) continue
    const events = text.split("\n\n")
    text = events.pop() ?? ""
    for (const event of events) {
      const data = event.split("\n").flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trimStart()] : []))
      if (data.length > 0 && data[0] !== "") receive(data.join("\n"))
    }
  }
  if (!isStream && text !== "") receive(text)
}
