/**
 * The connections to one HTTP server, kept alive in a pool, and what goes with every request: credentials, the version
 * and the session agreed on. Redirects are followed within the server only: elsewhere they would carry credentials.
 */
import { Pool } from "undici"
import { Cancellation } from "../protocol/cancellation.ts"
import { createMasker } from "../telemetry/masker.ts"
import { dump } from "./httpBody.ts"
import { redirectedPath } from "./httpErrors.ts"
import { connectMs, exchange, type HttpAnswer, type HttpRequest } from "./httpExchange.ts"

export interface HttpTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** A session of the legacy generation. */
export interface HttpSession {
  readonly id: string
  /** Cancelled when the session is over. */
  readonly ended: Cancellation
}

export interface RequestOptions {
  readonly cancellation: Cancellation
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string
  /** Another path of the server than its URL's. */
  readonly path?: string
  readonly started?: () => void
}

export class HttpConnection {
  readonly url: string
  readonly #credentials: HttpTarget["headers"]
  readonly #path: string
  readonly #pool: Pool
  /** Made anew when the session's part of it changes. */
  readonly #common = new Map<HttpRequest["method"], readonly string[]>()
  #version: string | undefined
  #session: HttpSession | undefined
  #expired = false

  constructor({ url, headers }: HttpTarget) {
    this.url = url
    this.#credentials = headers
    const { origin, pathname, search } = new URL(url)
    this.#path = pathname + search
    // Answers may take as long as the deadlines of the request allow; those are kept by the peer.
    this.#pool = new Pool(origin, { connect: { timeout: connectMs }, headersTimeout: 0, bodyTimeout: 0 })
  }

  get session(): HttpSession | undefined {
    return this.#session
  }

  /** True while there is no session in the place of one that the server has forgotten. */
  get expired(): boolean {
    return this.#expired
  }

  /** A handshake has begun a session; without an id where the server keeps none. */
  begin(id: string | undefined): void {
    this.#session = id === undefined ? undefined : { id, ended: new Cancellation() }
    this.#expired = false
    this.#common.clear()
  }

  /** The version that every request names from now on. */
  agree(version: string): void {
    this.#version = version
    this.#common.clear()
  }

  /** The server does not know the session any more; false when that was known, or it has another by now. */
  forget(session: HttpSession): boolean {
    if (session !== this.#session) return false
    session.ended.cancel()
    this.#session = undefined
    this.#version = undefined
    this.#expired = true
    this.#common.clear()
    return true
  }

  request(method: HttpRequest["method"], options: RequestOptions): Promise<HttpAnswer> {
    const { body, cancellation, headers: own, path = this.#path, started } = options
    let headers = this.#headers(method)
    if (own !== undefined) headers = [...headers, ...Object.entries(own).flat()]
    const request: HttpRequest = { method, headers, body, cancellation, started }
    return exchange(this.#pool, path, request, (answer) => this.#follow(answer, request))
  }

  /** The answer from where a redirect points to; undefined when it is none, or leaves the server. */
  #follow(answer: HttpAnswer, request: HttpRequest): Promise<HttpAnswer> | undefined {
    const path = redirectedPath(answer, this.url)
    if (path === undefined) return undefined
    return dump(answer.body).then(() => exchange(this.#pool, path, request))
  }

  /** The text without the credentials of the manifest. */
  mask(text: string): string {
    const values = Object.values(this.#credentials).flatMap((value) => [value, value.slice(value.indexOf(" ") + 1)])
    const masker = createMasker()
    masker.hide(values)
    return masker.mask(text)
  }

  async close(): Promise<void> {
    this.#session?.ended.cancel()
    await this.#pool.destroy()
  }

  /** What goes with every request of a method, whatever it says. */
  #headers(method: HttpRequest["method"]): readonly string[] {
    const known = this.#common.get(method)
    if (known !== undefined) return known
    const headers: Record<string, string> = {
      ...(this.#version !== undefined && { "mcp-protocol-version": this.#version }),
      ...(this.#session !== undefined && { "mcp-session-id": this.#session.id }),
      ...(method === "GET" && { accept: "text/event-stream" }),
      ...(method === "POST" && { "content-type": "application/json", accept: "application/json, text/event-stream" }),
    }
    // What the manifest says counts.
    for (const [name, value] of Object.entries(this.#credentials)) headers[name.toLowerCase()] = value
    const common = Object.entries(headers).flat()
    this.#common.set(method, common)
    return common
  }
}
