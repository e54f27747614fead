// One keep-alive HTTP/1.1 connection of the load generator: writes a request, reads the answer, one at a time. It reads
// what Node servers send: Content-Length or chunked bodies.
import { connect } from "node:net"

const headEnd = Buffer.from("\r\n\r\n")

export class Connection {
  #socket
  #rest
  #answer
  #done
  #failure

  constructor({ host, port }) {
    this.#socket = connect({ host, port, noDelay: true })
    this.#socket.on("data", (chunk) => this.#read(chunk))
    this.#socket.on("error", (error) => this.#fail(error))
    this.#socket.on("close", () => this.#fail(new Error("the connection was closed")))
  }

  /** Sends a request; `done(error, answer)` gets `{ status, head, body }`. With `onChunk` the body is handed on as it comes. */
  send(text, done, onChunk) {
    if (this.#failure !== undefined) return done(this.#failure)
    this.#done = done
    this.#answer = { onChunk }
    this.#socket.write(text)
  }

  close() {
    this.#done = undefined
    this.#socket.destroy()
  }

  #fail(error) {
    this.#failure ??= error
    const done = this.#done
    this.#done = undefined
    done?.(this.#failure)
  }

  #read(chunk) {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    const answer = this.#answer
    if (answer === undefined) return
    if (answer.head === undefined) {
      const end = bytes.indexOf(headEnd)
      if (end === -1) {
        this.#rest = bytes
        return
      }
      startBody(answer, bytes.latin1Slice(0, end))
      bytes = bytes.subarray(end + 4)
      if (answer.onChunk !== undefined && answer.status === 200) answer.onChunk(undefined, answer)
    }
    if (answer.chunked) this.#chunked(answer, bytes)
    else this.#counted(answer, bytes)
  }

  #counted(answer, bytes) {
    this.#keep(answer, bytes)
    answer.left -= bytes.length
    if (answer.left <= 0) this.#finish(answer)
  }

  #chunked(answer, given) {
    let bytes = given
    for (;;) {
      if (answer.left > 0) {
        const part = bytes.subarray(0, answer.left)
        this.#keep(answer, part)
        answer.left -= part.length
        bytes = bytes.subarray(part.length)
        if (answer.left > 0) return
        answer.skip = 2
      }
      if (answer.skip > 0) {
        const skipped = Math.min(answer.skip, bytes.length)
        answer.skip -= skipped
        bytes = bytes.subarray(skipped)
        if (answer.skip > 0) return
        if (answer.last) return this.#finish(answer)
      }
      const end = bytes.indexOf(10)
      if (end === -1) {
        if (bytes.length > 0) this.#rest = bytes
        return
      }
      answer.left = Number.parseInt(bytes.latin1Slice(0, end), 16)
      bytes = bytes.subarray(end + 1)
      if (answer.left === 0) {
        answer.last = true
        answer.skip = 2
      }
    }
  }

  #keep(answer, bytes) {
    if (bytes.length === 0) return
    if (answer.onChunk === undefined) answer.parts.push(bytes)
    else answer.onChunk(bytes, answer)
  }

  #finish(answer) {
    const { parts } = answer
    answer.body = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    const done = this.#done
    this.#done = undefined
    this.#answer = undefined
    done?.(undefined, answer)
  }
}

function startBody(answer, head) {
  answer.head = head
  answer.status = Number(head.slice(9, 12))
  answer.parts = []
  answer.skip = 0
  answer.last = false
  answer.chunked = /\r\ntransfer-encoding: *chunked/i.test(head)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  answer.left = answer.chunked || length === null ? 0 : Number(length[1])
}

/** The value of a header in the head of an answer. */
export function headerOf(head, name) {
  const found = new RegExp(`\\r\\n${name}: *([^\\r]*)`, "i").exec(head)
  return found === null ? undefined : found[1]
}
