/**
 * Who may reach the listener at all: `Host` and `Origin` are checked before anything else, against DNS rebinding
 * (specification 2026-07-28, basic/transports/streamable-http, "Security & Endpoint"). Forwarding headers count for nothing.
 */
import type { IncomingMessage } from "node:http"

const loopbackNames: readonly string[] = ["localhost", "127.0.0.1", "[::1]"]

export interface AccessRules {
  /** The address listened on. */
  readonly host: string
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
  readonly publicUrl: string | undefined
}

/** Returns a check that gives the reason why a request is refused, or undefined. */
export function createAccess(rules: AccessRules): (request: IncomingMessage) => string | undefined {
  const own = isWildcard(rules.host) ? [] : [bracketed(rules.host)]
  const named = rules.publicUrl === undefined ? [] : [new URL(rules.publicUrl).host]
  const hosts = new Set([...loopbackNames, ...own, ...named, ...rules.allowedHosts].map((name) => name.toLowerCase()))
  const origins = new Set([
    ...(rules.publicUrl === undefined ? [] : [new URL(rules.publicUrl).origin]),
    ...rules.allowedOrigins,
  ])
  /** The Host header of the last request that was let in: nearly always that of the next one. */
  let admitted: string | undefined
  return ({ headers, rawHeaders }) => {
    if (hasTwoHosts(rawHeaders)) return "The request has more than one Host header"
    const host = headers.host?.toLowerCase() ?? ""
    if (headers.host !== undefined && headers.host === admitted) {
      // Nothing more to look at.
    } else if (hosts.has(host) || hosts.has(withoutPort(host))) admitted = headers.host
    else {
      return `The Host header ${JSON.stringify(headers.host ?? "")} is not allowed; add it to endpoint.http.allowedHosts if it is yours`
    }
    const { origin } = headers
    if (origin === undefined || origins.has(origin) || isLoopbackOrigin(origin)) return undefined
    return `The Origin ${JSON.stringify(origin)} is not allowed; add it to endpoint.http.allowedOrigins if it is yours`
  }
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Whoever stands in front may have read the other one. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    if (name.length === 4 && name.toLowerCase() === "host") hosts += 1
  }
  return hosts > 1
}

function isLoopbackOrigin(origin: string): boolean {
  try {
    const { protocol, hostname } = new URL(origin)
    return (protocol === "http:" || protocol === "https:") && loopbackNames.includes(hostname)
  } catch {
    return false
  }
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === ""
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, "")
}
