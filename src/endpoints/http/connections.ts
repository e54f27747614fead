/**
 * How many connections the listener holds, in total and of one address, and how long one may take nothing of an answer.
 * What is too many is told so before anything of it is read.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import { upstreamError } from "../../protocol/errors.ts"
import { refusalText } from "./refuse.ts"

export interface ConnectionLimits {
  /** Connections at once. */
  readonly total: number
  /** Connections of one address at once. */
  readonly perAddress: number
  /** Addresses that many clients may share: the limit of one address is none for them. */
  readonly isShared: (address: string) => boolean
}

/** A client that takes nothing of what waits for it is cut off after this time, in milliseconds. */
const stalledMs = 30_000
/** A refused connection has this long to read why, in milliseconds; and so many have, the others are just closed. */
const refusalMs = 1_000
const maxRefusals = 100

/** Stands between the server and its connections; the returned function ends that. */
export function limitConnections(server: Server, limits: ConnectionLimits): () => void {
  const sockets = new Set<Socket>()
  const ofAddress = new Map<string, number>()
  const refused = new Set<Socket>()
  // Node's own listener reads requests, so it must not see a connection that is refused.
  const serve = server.listeners("connection") as Array<(socket: Socket) => void>
  server.removeAllListeners("connection")
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? ""
    const ofThis = ofAddress.get(address) ?? 0
    const perAddress = limits.isShared(address) ? limits.total : limits.perAddress
    if (sockets.size >= limits.total) return refuse(socket, refused, `${limits.total} connections`)
    if (ofThis >= perAddress) return refuse(socket, refused, `${perAddress} connections of this address`)
    sockets.add(socket)
    ofAddress.set(address, ofThis + 1)
    socket.once("close", () => {
      sockets.delete(socket)
      const left = (ofAddress.get(address) ?? 1) - 1
      if (left === 0) ofAddress.delete(address)
      else ofAddress.set(address, left)
    })
    for (const listener of serve) listener.call(server, socket)
  })
  const sweeper = setInterval(() => sockets.forEach(watch), stalledMs / 6).unref()
  return () => {
    clearInterval(sweeper)
    for (const socket of refused) socket.destroy()
  }
}

/** The clock of a socket, which every byte that leaves sets back, runs only while something waits: calls may take long. */
function watch(socket: Socket): void {
  const waits = socket.writableLength > 0
  if (waits && socket.timeout !== stalledMs) socket.setTimeout(stalledMs)
  else if (!waits && socket.timeout === stalledMs) socket.setTimeout(0)
}

function refuse(socket: Socket, refused: Set<Socket>, what: string): void {
  socket.on("error", () => undefined)
  if (refused.size >= maxRefusals) return void socket.destroy()
  refused.add(socket)
  const timer = setTimeout(() => socket.destroy(), refusalMs)
  socket.once("close", () => {
    clearTimeout(timer)
    refused.delete(socket)
  })
  const error = upstreamError("BUSY", { reason: `${what} are open already`, sent: "no", retryable: true })
  socket.end(refusalText(503, error, ["retry-after: 1"]))
  // Closing with something unread would take the answer away again.
  socket.resume()
}
