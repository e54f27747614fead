/** What goes wrong between this host and a server behind a URL, in words. */
import { fromErrorObject, ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { Interrupted } from "../wire/interruptions.ts"
import { connectMs, type HttpAnswer, type HttpBody, NotConnected } from "./httpExchange.ts"

/** The server answered as one that does not serve Streamable HTTP at this URL; with its own error when it gave one. */
export class NotStreamable extends ProtocolError {
  readonly explained: boolean

  constructor(statusCode: number, answer: JsonObject | undefined) {
    const reason = `answered ${statusCode}`
    const { code, message, data } = isJsonObject(answer?.["error"])
      ? fromErrorObject(answer["error"])
      : upstreamError("UPSTREAM_UNAVAILABLE", { reason, sent: "no", retryable: true })
    super(code, message, data)
    this.explained = isJsonObject(answer?.["error"])
  }
}

/** Errors that only servers of Streamable HTTP give to a handshake (specification 2026-07-28, "HTTP+SSE Transport"). */
const modernErrors: readonly unknown[] = [
  rpcCodes.headerMismatch,
  rpcCodes.missingClientCapability,
  rpcCodes.unsupportedProtocolVersion,
]

/** True for an error by which a server of Streamable HTTP shows itself. */
export function isModernError(error: unknown): boolean {
  return isJsonObject(error) && modernErrors.includes(error["code"])
}

/** What a failing status means whatever the method; undefined when the body has to tell. */
export function statusError(statusCode: number): ProtocolError | undefined {
  if (statusCode === 401 || statusCode === 403) {
    const reason = `answered ${statusCode}: it refuses our credentials or wants a login`
    return upstreamError("UPSTREAM_AUTH", { reason, sent: "no", retryable: false })
  }
  if (statusCode !== 429 && statusCode !== 503) return undefined
  return upstreamError("BUSY", { reason: `answered ${statusCode}`, sent: "no", retryable: true })
}

/**
 * True when a refusal says that the server does not know the session. The specification has it be 404; servers made after
 * early versions of the SDKs answer 400 in words. `own`: the body, when it answers the very request.
 */
export function forgetsSession(statusCode: number, text: string, own: JsonObject | undefined): boolean {
  if (statusCode === 400) return own === undefined && /session|not initialized/i.test(text)
  return statusCode === 404 && !(isJsonObject(own?.["error"]) && own["error"]["code"] === rpcCodes.methodNotFound)
}

export function notMcp(what: string): Error {
  return upstreamError("UPSTREAM_PROTOCOL", { reason: what, sent: "maybe", retryable: false })
}

/** What is looked at of a body that is no MCP, and what is shown of it. */
const lookedAtBytes = 16 * 1024
const shownCharacters = 200

/** A successful answer that is none of MCP's, like the login page of a network. `mask` takes secrets out of what is shown. */
export async function foreignContent(answer: HttpAnswer, mask: (text: string) => string): Promise<Error> {
  const type = answer.headers["content-type"]
  // Masked before it is cut, which may leave half of a secret.
  const text = mask(await beginningOf(answer.body))
    .replaceAll(unprintable, " ")
    .trim()
  const shown = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text
  const said = typeof type === "string" ? mask(type).slice(0, shownCharacters) : "no content type"
  return notMcp(`answered ${answer.statusCode} with ${said}${shown === "" ? "" : `: ${shown}`}`)
}

/** White space, and what terminals and readers do not show (C0, C1, bidirectional marks, zero widths). */
const unprintable = /[\s\p{Cc}\p{Cf}]+/gu

/** As much of a body as is looked at; the rest is not waited for. */
async function beginningOf(body: HttpBody): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  const enough = new Error("enough was read")
  const take = (chunk: Buffer): void => {
    chunks.push(chunk)
    size += chunk.length
    if (size >= lookedAtBytes) throw enough
  }
  await body.read(take).catch((error: unknown) => {
    if (error !== enough) throw error
  })
  return Buffer.concat(chunks).toString("utf8", 0, lookedAtBytes)
}

/** A redirect that is not followed, without the paths and queries of either address: they may be confidential. */
export function redirectError({ statusCode, headers }: HttpAnswer, url: string): Error {
  const { origin } = new URL(url)
  const to = targetOf(headers["location"], url)
  const whither =
    to === undefined
      ? "to nowhere"
      : to.origin === origin
        ? `within ${origin} in a way that is not followed`
        : `from ${origin} to ${to.origin}, which is not followed: it would carry credentials elsewhere`
  return upstreamError("UPSTREAM_UNAVAILABLE", {
    reason: `answered ${statusCode}: it redirects ${whither}. Give the address it redirects to as \`url\``,
    // These two have the same request made elsewhere (RFC 9110, section 15.4); others may come after it was executed.
    sent: isSameRequest(statusCode) ? "no" : "maybe",
    retryable: false,
  })
}

/** The path to ask instead when a redirect stays at this server and keeps method and body. */
export function redirectedPath({ statusCode, headers }: HttpAnswer, url: string): string | undefined {
  if (!isSameRequest(statusCode)) return undefined
  const to = targetOf(headers["location"], url)
  return to?.origin === new URL(url).origin ? to.pathname + to.search : undefined
}

function isSameRequest(statusCode: number): boolean {
  return statusCode === 307 || statusCode === 308
}

function targetOf(location: string | string[] | undefined, url: string): URL | undefined {
  return typeof location === "string" && URL.canParse(location, url) ? new URL(location, url) : undefined
}

/** Where the reason is not the code alone. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection broke",
  UND_ERR_SOCKET: "the connection broke",
  ENOTFOUND: "its host name cannot be resolved",
  EAI_AGAIN: "its host name cannot be resolved now",
  UND_ERR_CONNECT_TIMEOUT: `no connection was made within ${connectMs} ms`,
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by nobody who is trusted here",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by nobody who is trusted here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by nobody who is trusted here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by nobody who is trusted here",
}

/** A connection failure in words; only what failed before anything was written is `sent: no`. */
export function reachError(error: unknown): Error {
  if (error instanceof ProtocolError) return error
  const unsent = error instanceof NotConnected
  const failure = (unsent ? error.cause : error) as { readonly code?: string; readonly message: string }
  const { code = "", message } = failure
  const known = reasons[code]
  const named = code === "" ? message : code
  const reason = known === undefined ? `cannot be reached (${named})` : `${known} (${named})`
  return unsent
    ? upstreamError("UPSTREAM_UNAVAILABLE", { reason, sent: "no", retryable: true })
    : new Interrupted(reason)
}
