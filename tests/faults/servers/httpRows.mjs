// Rows of the fault model that happen below JSON-RPC: statuses, resets, streams that are cut. `post` and `get` return true
// when they have dealt with the exchange.
import { secret } from "./faults.mjs"

const isFault = ({ method, params }) => method === "tools/call" && params.name === "fault"
const argsOf = ({ params }) => params.arguments ?? {}
const event = (id, data) => `${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`

/** How often this was asked for. */
function count(state, key) {
  const times = (state.times.get(key) ?? 0) + 1
  state.times.set(key, times)
  return times
}

const answerTo = ({ id, params }) => {
  const { call } = argsOf({ params })
  return JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: `done ${call}` }] } })
}

export const httpRows = {
  F24: { post: ({ message, response }) => isFault(message) && !!response.writeHead(401).end() },
  F25: { post: ({ message, response }) => isFault(message) && !!response.writeHead(403).end() },
  F26: {
    post: ({ message, response, state }) => {
      if (!isFault(message) || count(state, argsOf(message).call) > 1) return false
      state.sessions.clear()
      response.writeHead(404).end()
      return true
    },
  },
  F27: {
    post: ({ message, response, state, note }) => {
      const { status, after, call } = isFault(message) ? argsOf(message) : {}
      if (status === undefined || count(state, call) > 1) return false
      note("refused", { call })
      const value = after === "date" ? new Date(Date.now() + 2_000).toUTCString() : after
      response.writeHead(status, value === undefined ? {} : { "retry-after": value }).end()
      return true
    },
  },
  F28: {
    post: ({ message, request, state, note }) => {
      const read = message.method === "resources/read"
      if (!read && !isFault(message)) return false
      const call = read ? message.params.uri.split("/").at(-1) : argsOf(message).call
      if (read && count(state, call) > 1) return false
      note("executed", { call })
      request.socket.destroy()
      return true
    },
  },
  F29: {
    post: ({ message, response, state, note }) => {
      const read = message.method === "resources/read"
      if (!read && !isFault(message)) return false
      const { call, resumable } = argsOf(message)
      if (read && count(state, message.params.uri) > 1) return false
      note("executed", { call: read ? message.params.uri.split("/").at(-1) : call })
      response.writeHead(200, { "content-type": "text/event-stream" })
      // An event without data says where to go on (specification 2025-11-25, basic/transports, "Resumability").
      if (resumable === true) response.write(event(state.kept.push(answerTo(message)), ""))
      else response.write(": \n\n")
      setTimeout(() => (resumable === true ? response.end() : response.socket.destroy()), 50)
      return true
    },
    get: ({ request, response, state, note }) => {
      const last = request.headers["last-event-id"]
      if (last === undefined) return false
      note("resumed")
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.end(event("end", state.kept[Number(last) - 1]))
      return true
    },
  },
  F32: {
    post: ({ message, response }) => {
      if (!isFault(message)) return false
      response.writeHead(200, { "content-type": "text/html" }).end(`<html>Sign in: ${secret}</html>`)
      return true
    },
  },
}
