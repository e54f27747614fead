// An MCP client of the load generator: opens a session of either generation and sends requests on any of its connections.
// `protocol` is `streamable`, or `sse` for servers that know the old HTTP+SSE transport only.
import { Connection, headerOf } from "./connection.mjs"

const legacyVersion = "2025-11-25"
const modernVersion = "2026-07-28"
const meta = "io.modelcontextprotocol"
const envelope = {
  [`${meta}/protocolVersion`]: modernVersion,
  [`${meta}/clientInfo`]: { name: "bench", version: "1.0.0" },
  [`${meta}/clientCapabilities`]: {},
}
const initialize = { protocolVersion: legacyVersion, capabilities: {}, clientInfo: { name: "bench", version: "1.0.0" } }
const timeoutMs = 60_000

export class Client {
  #target
  #modern
  #session
  #connections = []
  #stream
  #waiting = new Map()
  #nextId = 1

  constructor(url, { era = "legacy", protocol = "streamable" } = {}) {
    const { hostname, port, pathname } = new URL(url)
    this.#target = { host: hostname, port: Number(port), path: pathname, protocol }
    this.#modern = era === "modern"
  }

  /** New connections for this session in place of those it has. */
  connect(count = 1) {
    for (const connection of this.#connections) connection.close()
    this.#connections = Array.from({ length: count }, () => new Connection(this.#target))
    return this
  }

  async open() {
    this.connect()
    if (this.#target.protocol === "sse") await this.#openStream()
    if (this.#modern) return this
    const opened = await this.request("initialize", initialize)
    this.#session = headerOf(opened.head ?? "", "mcp-session-id")
    await this.#post(this.#connections[0], JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }), {})
    return this
  }

  /** The GET stream of a session, which is all that stays open of it; resolves when its head has arrived. */
  async listen() {
    this.connect()
    const [connection] = this.#connections
    const { path, host, port } = this.#target
    await new Promise((resolve, reject) => {
      const text = `GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\naccept: text/event-stream\r\n${this.#headers()}\r\n`
      const done = (error, answer) => reject(error ?? new Error(`GET answered ${answer?.status}`))
      connection.send(text, done, (_chunk, answer) => (answer.status === 200 ? resolve() : undefined))
    })
  }

  /** One request, parsed; throws on an error answer. */
  async request(method, params = {}) {
    const { id, text } = this.encode(method, params)
    const answer = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} had no answer in ${timeoutMs} ms`)), timeoutMs)
      this.exchange(0, { id, method, name: params.name, text }, (error, given) => {
        clearTimeout(timer)
        if (error) reject(error)
        else resolve(given)
      })
    })
    const message = messageOf(answer, id)
    if (message.error !== undefined) throw new Error(`${method}: ${JSON.stringify(message.error).slice(0, 300)}`)
    return { head: answer.head, result: message.result }
  }

  /** A request as text, with its id. */
  encode(method, params) {
    const id = this.#nextId++
    const enveloped = this.#modern ? { ...params, _meta: { ...params._meta, ...envelope } } : params
    return { id, text: JSON.stringify({ jsonrpc: "2.0", id, method, params: enveloped }) }
  }

  /** Sends an encoded request on connection `at`; `done(error, answer)` when its answer is complete. */
  exchange(at, { id, method, name, text }, done) {
    if (this.#stream === undefined) return this.#send(this.#connections[at], text, { method, name }, done)
    this.#waiting.set(id, done)
    this.#send(this.#connections[at], text, { method, name }, (error, answer) => {
      if (error === undefined && answer.status < 300) return
      this.#waiting.delete(id)
      done(error ?? new Error(`status ${answer.status}`))
    })
  }

  /** Ends the session, where there is one, and closes its connections. */
  async end() {
    if (this.#session !== undefined) {
      this.connect()
      const { path, host, port } = this.#target
      const text = `DELETE ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\n${this.#headers()}\r\n`
      await new Promise((resolve) => {
        setTimeout(resolve, 2_000).unref()
        this.#connections[0].send(text, resolve)
      })
    }
    this.close()
  }

  close() {
    for (const connection of this.#connections) connection.close()
    this.#stream?.close()
  }

  #post(connection, text, of) {
    return new Promise((resolve, reject) => {
      this.#send(connection, text, of, (error, answer) => (error ? reject(error) : resolve(answer)))
    })
  }

  #send(connection, text, { method, name }, done) {
    const { path, host, port } = this.#target
    const mirrored = this.#modern ? `mcp-method: ${method}\r\n${name === undefined ? "" : `mcp-name: ${name}\r\n`}` : ""
    connection.send(
      `POST ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n${this.#headers()}${mirrored}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
      done,
    )
  }

  #headers() {
    if (this.#modern) return `mcp-protocol-version: ${modernVersion}\r\n`
    return this.#session === undefined
      ? ""
      : `mcp-session-id: ${this.#session}\r\nmcp-protocol-version: ${legacyVersion}\r\n`
  }

  /** HTTP+SSE: the stream names where to post, and brings every answer. */
  async #openStream() {
    const { path, host, port } = this.#target
    const connection = new Connection(this.#target)
    this.#stream = connection
    await new Promise((resolve, reject) => {
      const events = createEvents((event, data) => {
        if (event === "endpoint") {
          this.#target = { ...this.#target, path: data.toString() }
          return resolve()
        }
        this.#answered(data)
      })
      const text = `GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\naccept: text/event-stream\r\n\r\n`
      const done = (error, answer) => reject(error ?? new Error(`GET answered ${answer.status}`))
      connection.send(text, done, (chunk) => chunk !== undefined && events(chunk))
    })
  }

  #answered(data) {
    const near = data.subarray(0, 512).latin1Slice() + data.subarray(-512).latin1Slice()
    const id = Number(/"id":(\d+)/.exec(near)?.[1])
    const done = this.#waiting.get(id)
    if (done === undefined) return
    this.#waiting.delete(id)
    done(undefined, { status: 200, head: "", body: data })
  }
}

/** The message with an id in a JSON or event-stream answer. */
export function messageOf({ status, head, body }, id) {
  const text = body.toString("utf8")
  if (status >= 300 && !text.startsWith("{")) throw new Error(`status ${status}: ${text.slice(0, 200)}`)
  if (!/\r\ncontent-type: *text\/event-stream/i.test(head)) return JSON.parse(text)
  for (const line of text.split("\n")) {
    if (!line.startsWith("data:")) continue
    const data = line.slice(5).trim()
    const message = data === "" ? {} : JSON.parse(data)
    if (message.id === id) return message
  }
  throw new Error(`no answer in the stream: ${text.slice(0, 200)}`)
}

/** Splits an event stream into events without looking at a byte twice. */
function createEvents(emit) {
  let parts = []
  return (given) => {
    let bytes = given
    for (let end = bytes.indexOf("\n\n"); end !== -1; end = bytes.indexOf("\n\n")) {
      parts.push(bytes.subarray(0, end))
      const whole = Buffer.concat(parts)
      parts = []
      bytes = bytes.subarray(end + 2)
      const event = /^event: *(\S+)/m.exec(whole.latin1Slice(0, 64))?.[1] ?? "message"
      const at = whole.indexOf("data:")
      if (at !== -1) emit(event, whole.subarray(at + 5 + (whole[at + 5] === 32 ? 1 : 0)))
    }
    if (bytes.length > 0) parts.push(bytes)
  }
}
