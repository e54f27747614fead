/**
 * The `requestState` a parked request is resumed with: sealed with AES-256-GCM, so that a client can neither read nor
 * change it, nor bring it to another request (specification 2026-07-28, basic/patterns/mrtr, "Server Requirements").
 * Keys live in this process only and are replaced as time passes; a state names the key and with it the instance.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { canonicalJson, type JsonObject, stringAt } from "../protocol/json.ts"
import type { McpRequest } from "../protocol/messages.ts"

/** What a state says; all of it is checked when it comes back. */
export interface StateFacts {
  /** The request it resumes, and how often that was parked. */
  readonly park: string
  readonly round: number
  /** Manifest key of the server that asks. */
  readonly server: string
  /** Who made the request. */
  readonly principal: string
  readonly method: string
  readonly name: string
  /** SHA-256 of everything the request says, without what belongs to its hop. */
  readonly digest: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

const prefix = "mcp-host."
const cipher = "aes-256-gcm"
const ivBytes = 12
const tagBytes = 16
/** Longer ones are none of ours. */
const maxLength = 4_096

export interface RequestStatesOptions {
  /** How long a key seals, and how long what it sealed can be opened after that, in milliseconds. */
  readonly rotateMs?: number
  readonly keepMs?: number
  readonly now?: () => number
}

interface Key {
  readonly id: string
  readonly secret: Buffer
  readonly since: number
}

export class RequestStates {
  /** Tells instances of the host apart. */
  readonly node = randomBytes(6).toString("hex")
  readonly #rotateMs: number
  readonly #keepMs: number
  readonly #now: () => number
  #keys: Key[] = []
  #made = 0

  constructor({ rotateMs = 3_600_000, keepMs = 3_600_000, now = Date.now }: RequestStatesOptions = {}) {
    this.#rotateMs = rotateMs
    this.#keepMs = keepMs
    this.#now = now
  }

  seal(facts: StateFacts): string {
    const { id, secret } = this.#current()
    const head = `${prefix}${id}.`
    const iv = randomBytes(ivBytes)
    const sealing = createCipheriv(cipher, secret, iv).setAAD(Buffer.from(head))
    const sealed = Buffer.concat([sealing.update(JSON.stringify(facts), "utf8"), sealing.final()])
    return head + Buffer.concat([iv, sealed, sealing.getAuthTag()]).toString("base64url")
  }

  /** True for a state that names a key of this instance; one of another host behind this one passes through it. */
  isOwn(state: string): boolean {
    return isSealedState(state) && state.startsWith(`${prefix}${this.node}-`)
  }

  /** Rejects with `ProtocolError` -32602 when the state is not one of this instance's, was changed or has expired. */
  open(state: string): StateFacts {
    const end = state.lastIndexOf(".") + 1
    const head = state.slice(0, end)
    const text = state.slice(end)
    const id = isSealedState(state) ? head.slice(prefix.length, -1) : ""
    const key = this.#keys.find((each) => each.id === id)
    if (key === undefined) throw this.#unknown(id)
    const bytes = Buffer.from(text, "base64url")
    // The decoder skips what is no base64: only the one spelling of the bytes is ours.
    const isWhole = bytes.length > ivBytes + tagBytes && bytes.toString("base64url") === text
    const facts = isWhole ? unseal(key, head, bytes) : undefined
    if (facts === undefined) throw refused("was altered")
    if (facts.expires < this.#now()) throw refused("has expired; send the request again without it")
    return facts
  }

  #current(): Key {
    const now = this.#now()
    const [newest] = this.#keys
    if (newest !== undefined && now - newest.since < this.#rotateMs) return newest
    this.#made += 1
    const key: Key = { id: `${this.node}-${this.#made}`, secret: randomBytes(32), since: now }
    this.#keys = [key, ...this.#keys.filter(({ since }) => now - since < this.#rotateMs + this.#keepMs)]
    return key
  }

  #unknown(id: string): ProtocolError {
    if (id.startsWith(`${this.node}-`)) return refused("has expired; send the request again without it")
    return refused(
      "was made by another instance of this host, or before it was restarted; send the request again without it",
    )
  }
}

/** True for states that only this software makes; those of servers pass through it. */
export function isSealedState(state: string): boolean {
  return state.startsWith(prefix) && state.length <= maxLength
}

/** What a request is about, for telling whether a retry is the same request. */
export function identityOf({ method, params }: McpRequest): Pick<StateFacts, "method" | "name" | "digest"> {
  const { _meta, inputResponses, requestState, ...said } = params
  const name = stringAt(said, "name") ?? stringAt(said, "uri") ?? ""
  const digest = createHash("sha256")
    .update(canonicalJson(said as JsonObject))
    .digest("base64url")
  return { method, name, digest }
}

export function refused(why: string): ProtocolError {
  return new ProtocolError(rpcCodes.invalidParams, `The requestState ${why}`)
}

function unseal(key: Key, head: string, bytes: Buffer): StateFacts | undefined {
  const opening = createDecipheriv(cipher, key.secret, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(head))
    .setAuthTag(bytes.subarray(bytes.length - tagBytes))
  try {
    const text = Buffer.concat([opening.update(bytes.subarray(ivBytes, bytes.length - tagBytes)), opening.final()])
    // Authenticated: nobody but this class has written it.
    return JSON.parse(text.toString("utf8")) as StateFacts
  } catch {
    return undefined
  }
}
