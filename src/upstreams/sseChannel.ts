/** A channel to a server of the deprecated HTTP+SSE transport (specification 2024-11-05), through the SDK's client transport. */
import { SSEClientTransport } from "@modelcontextprotocol/client"
import { isTooDeep, maxDepth } from "../protocol/depth.ts"
import { toErrorObject, upstreamError } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import type { Channel, ChannelReceiver } from "../wire/channel.ts"
import { maxMessageBytes, strictDecoder, tooLarge } from "./httpBody.ts"

export class SseChannel implements Channel {
  readonly #transport: SSEClientTransport
  /** Ends the stream: the signal of a request whose answer is wrapped may be collected as garbage before it aborts. */
  readonly #closing = new AbortController()
  /** What the stream was broken off for. */
  #refusal: Error | undefined

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    const credentials = { ...headers }
    this.#transport = new SSEClientTransport(new URL(url), {
      requestInit: { headers: credentials, redirect: "error" },
      eventSourceInit: {
        fetch: async (input, init) => {
          const headers = { ...credentials, accept: "text/event-stream" }
          return this.#capped(await fetch(input, { ...init, redirect: "error", headers }))
        },
      },
    })
  }

  async start(receiver: ChannelReceiver): Promise<void> {
    this.#transport.onmessage = (message: unknown) => {
      if (isJsonObject(message)) this.#take(message, receiver)
    }
    this.#transport.onclose = () => receiver.closed(new Error("the event stream has ended"))
    // The transport reports a broken stream as an error and would connect again under another session.
    this.#transport.onerror = (error) => {
      receiver.closed(this.#refusal ?? error)
      void this.close()
    }
    try {
      await this.#transport.start()
    } catch (error) {
      throw upstreamError("UPSTREAM_UNAVAILABLE", {
        reason: `serves neither Streamable HTTP nor HTTP+SSE here (${String((error as Error).message)})`,
        sent: "no",
        retryable: true,
      })
    }
  }

  #take(message: JsonObject, receiver: ChannelReceiver): void {
    if (!isTooDeep(message)) receiver.message(message)
    // What asks or tells something is nothing to anybody.
    else if (!("method" in message)) receiver.message(refused(message))
  }

  async send(message: JsonObject): Promise<void> {
    // The SDK's message type is a union over methods; the host carries any.
    await this.#transport.send(message as never)
  }

  async close(): Promise<void> {
    await this.#transport.close()
    this.#closing.abort()
  }

  /** The SDK reads events of any size, and replaces what is no text. */
  #capped(response: Response): Response {
    if (response.body === null) return response
    const decode = strictDecoder()
    let size = 0
    let before = Buffer.alloc(0)
    const cap = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        // A blank line may lie across two chunks.
        const seen = Buffer.concat([before, chunk])
        before = seen.subarray(-3)
        const blank = Math.max(...blankLines.map((line) => seen.lastIndexOf(line)))
        size = blank === -1 ? size + chunk.length : seen.length - blank
        try {
          if (size > maxMessageBytes) throw tooLarge()
          decode(seen.subarray(seen.length - chunk.length))
        } catch (error) {
          this.#refusal = error as Error
          return controller.error(error)
        }
        controller.enqueue(chunk)
      },
    })
    const { status, statusText, headers } = response
    return new Response(response.body.pipeThrough(cap, { signal: this.#closing.signal }), {
      status,
      statusText,
      headers,
    })
  }
}

const blankLines = ["\n\n", "\r\n\r\n", "\r\r"]

/** An answer in the place of one that nests too deep. */
function refused({ id = null }: JsonObject): JsonObject {
  const reason = `sent a message that nests deeper than ${maxDepth} levels`
  return {
    jsonrpc: "2.0",
    id,
    error: toErrorObject(upstreamError("LIMIT_EXCEEDED", { reason, sent: "maybe", retryable: false })),
  }
}
