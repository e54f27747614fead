// What a port over HTTP does with the response it writes to, framed as events or as one JSON text.

export const toEvent = (text) => Buffer.from(`data: ${text}\n\n`)

/** Reads a request's body, then goes on with its text. */
export function readBody(request, then) {
  const chunks = []
  request.on("error", () => undefined)
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => then(Buffer.concat(chunks).toString("utf8")))
}

/** `head()` makes sure the stream has begun; `frame` gives the bytes of one message. */
export function createPort({ transport, response, head, frame, announce }) {
  const write = (bytes, last = false) => {
    head()
    const taken = response.write(bytes)
    if (last) done()
    return taken
  }
  const done = () => transport !== "sse" && response.end()
  const tell = (message) => write(frame(JSON.stringify({ jsonrpc: "2.0", ...message })))
  return {
    transport,
    frame,
    write,
    done,
    tell,
    announce,
    answer: (message) => write(frame(JSON.stringify(message)), true),
    cut: () => response.socket?.destroy(),
    drained: () =>
      new Promise((resolve) => {
        response.once("drain", resolve).once("close", resolve)
      }),
    flood(bytes, piece) {
      head()
      const chunk = Buffer.alloc(piece, "x")
      let left = bytes
      const next = () => {
        while (left > 0 && !response.destroyed) {
          left -= piece
          if (!response.write(chunk)) return void response.once("drain", next)
        }
      }
      next()
    },
  }
}
