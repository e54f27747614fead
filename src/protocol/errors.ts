/**
 * Errors that travel as JSON-RPC error objects. An upstream's own error passes verbatim as a `ProtocolError`;
 * the host's own are made by `upstreamError` with the codes of the table below (contract, section 4).
 */
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts"

/** JSON-RPC 2.0 section 5.1 and the codes MCP defines (specification 2026-07-28, basic/index, "Error Codes"). */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  resourceNotFound: -32002,
  headerMismatch: -32020,
  missingClientCapability: -32021,
  unsupportedProtocolVersion: -32022,
  urlElicitationRequired: -32042,
} as const

export interface WireErrorRow {
  readonly code: number
  readonly when: string
  /** What the person reading the error can do next. */
  readonly help: string
}

/** The host's own codes, outside JSON-RPC's reserved range. Generates `docs/errors.md`. */
export const wireErrors = {
  UPSTREAM_UNAVAILABLE: {
    code: -31001,
    when: "The server that owns the component is down, crashed, refused the connection, or has not started yet.",
    help: "See its state with `mcp-host list servers`, fix its section of the manifest, and try again.",
  },
  UPSTREAM_TIMEOUT: {
    code: -31002,
    when: "A deadline passed. The server was told to cancel.",
    help: "Try again, or raise `timeouts.call` or `timeouts.total` of this server.",
  },
  UPSTREAM_PROTOCOL: {
    code: -31003,
    when: "The server sent something that is not MCP.",
    help: "Run the server on its own to see what it answers; its log lines carry its name.",
  },
  LIMIT_EXCEEDED: {
    code: -31004,
    when: "A limit of size, depth, pages or rounds was exceeded.",
    help: "Ask for less at once.",
  },
  UPSTREAM_AUTH: {
    code: -31005,
    when: "The server refused the credentials in the manifest, or wants a login.",
    help: "Check the `headers` or environment of this server in the manifest.",
  },
  BUSY: { code: -31006, when: "A queue or concurrency limit is reached.", help: "Try again later." },
  DRAINING: {
    code: -31007,
    when: "The host is shutting down.",
    help: "Connect again when the host is back.",
  },
  STORE_UNAVAILABLE: {
    code: -31008,
    when: "A store that the request needs is down.",
    help: "Check the `storage` section of the manifest.",
  },
} as const satisfies Record<string, WireErrorRow>

export type WireErrorName = keyof typeof wireErrors

const brand = Symbol.for("mcp-host.ProtocolError")

/** A JSON-RPC error object on its way to whoever asked. */
export class ProtocolError extends Error {
  readonly code: number
  readonly data: JsonValue | undefined
  readonly [brand] = true

  /** A module of somebody else's may have got a copy of this class of its own: what it throws is one all the same. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // Its subclasses inherit this, and are told apart as always.
    // biome-ignore lint/complexity/noThisInStatic: which class is asked is the question
    const asked: unknown = this
    if (asked !== ProtocolError) return Function.prototype[Symbol.hasInstance].call(asked, value)
    return typeof value === "object" && value !== null && brand in value
  }

  constructor(code: number, message: string, data?: JsonValue) {
    super(message)
    this.name = "ProtocolError"
    this.code = code
    this.data = data
  }
}

export interface UpstreamErrorFacts {
  /** Manifest key of the server; in nested manifests the path, `team/github`. Undefined while a transport does not know it. */
  readonly server?: string
  /** What happened, for a person: no secret, no stack. */
  readonly reason: string
  /** Whether the request may have reached the server: `no` only when it provably has not. */
  readonly sent: "no" | "maybe"
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
}

/** One of the host's own errors, `data` as the contract's section 4 gives it. */
export function upstreamError(name: WireErrorName, facts: UpstreamErrorFacts): ProtocolError {
  const { code, help } = wireErrors[name]
  const server = facts.server ?? ""
  const message = server === "" ? facts.reason : `${server}: ${facts.reason}`
  return new ProtocolError(code, message, {
    server,
    reason: facts.reason,
    sent: facts.sent,
    retryable: facts.retryable,
    help,
  })
}

/** The same error naming the server it is about, when it is one of the host's own that does not yet. */
export function withServer(error: unknown, server: string): unknown {
  if (!(error instanceof ProtocolError) || !isHostError(error)) return error
  const data = isJsonObject(error.data) ? error.data : {}
  if (data["server"] !== "") return error
  return new ProtocolError(error.code, `${server}: ${error.message}`, { ...data, server })
}

/** True for errors with a code of `wireErrors`. */
export function isHostError(error: ProtocolError): boolean {
  return error.code <= -31001 && error.code >= -31008
}

/** The JSON-RPC `error` member for anything thrown. Never a stack, never internals. */
export function toErrorObject(error: unknown): JsonObject {
  if (!(error instanceof ProtocolError)) return { code: rpcCodes.internalError, message: "Internal error" }
  const object: JsonObject = { code: error.code, message: error.message }
  if (error.data !== undefined) object["data"] = error.data
  return object
}

/** Reads a JSON-RPC `error` member; tolerates the malformed ones some servers send. */
export function fromErrorObject(error: unknown): ProtocolError {
  if (!isJsonObject(error)) return new ProtocolError(rpcCodes.internalError, "Malformed error")
  const code = typeof error["code"] === "number" ? error["code"] : rpcCodes.internalError
  const message = typeof error["message"] === "string" ? error["message"] : ""
  return new ProtocolError(code, message, error["data"])
}
