/**
 * The gate every message from an upstream passes before it is parsed: text that is UTF-8, not nested too deep, one JSON
 * object. What does not pass may still say which request it answers, so that this one need not wait for its deadline.
 */
import { isUtf8 } from "node:buffer"
import { endOfString, hasBrackets, maxDepth, nestsTooDeep } from "../protocol/depth.ts"
import { type ProtocolError, toErrorObject, upstreamError, type WireErrorName } from "../protocol/errors.ts"
import { type JsonObject, parseJsonObject } from "../protocol/json.ts"
import { scanObject } from "./scanObject.ts"

/** Where there are more, a scan of the bytes costs less than a search for each. */
const fewBrackets = 32

/** A message that cannot be taken. */
export class Unreadable {
  readonly error: ProtocolError
  /** The request it answers, when that is beyond doubt. */
  readonly answers: number | undefined

  constructor(name: WireErrorName, reason: string, text: string) {
    this.error = upstreamError(name, { reason, sent: "maybe", retryable: false })
    this.answers = answeredId(text)
  }

  /** The answer that takes its place; undefined when nobody is known to wait for one. */
  get answer(): JsonObject | undefined {
    if (this.answers === undefined) return undefined
    return { jsonrpc: "2.0", id: this.answers, error: toErrorObject(this.error) }
  }
}

export function readMessage(bytes: Buffer): JsonObject | Unreadable {
  const text = bytes.toString("utf8").trim()
  // What is no UTF-8 was replaced; that can be sent as it is, too.
  if (text.includes("\ufffd") && !isUtf8(bytes))
    return new Unreadable("UPSTREAM_PROTOCOL", "sent a message that is not UTF-8", text)
  const isSound = hasBrackets(text, fewBrackets) && bytes[0] === 123 && scanObject([bytes], 0, maxDepth) !== undefined
  return isSound ? parsed(text) : readText(text)
}

export function readText(text: string): JsonObject | Unreadable {
  if (nestsTooDeep(text))
    return new Unreadable("LIMIT_EXCEEDED", `sent a message that nests deeper than ${maxDepth} levels`, text)
  return parsed(text)
}

function parsed(text: string): JsonObject | Unreadable {
  return (
    parseJsonObject(text) ?? new Unreadable("UPSTREAM_PROTOCOL", "sent something that is no JSON-RPC message", text)
  )
}

const idValue = /\s*:\s*(\d{1,15})\s*[,}]/y
const anyValue = /\s*:/y

/**
 * The id of the request that a text answers, read off the members of the outermost object: an id of ours, once, with a
 * result or an error and without a method. Undefined for anything else.
 */
export function answeredId(text: string): number | undefined {
  if (!/^\s*\{/.test(text)) return undefined
  let id: number | undefined
  let answers = false
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 123 || code === 91) depth += 1
    else if (code === 125 || code === 93) depth -= 1
    if (code !== 34) continue
    const start = at
    at = endOfString(text, start)
    anyValue.lastIndex = at + 1
    if (depth !== 1 || !anyValue.test(text)) continue
    const key = text.slice(start + 1, at)
    // A key in escapes may be any.
    if (key === "method" || key.includes("\\")) return undefined
    if (key === "result" || key === "error") answers = true
    if (key !== "id") continue
    idValue.lastIndex = at + 1
    const value = idValue.exec(text)?.[1]
    if (id !== undefined || value === undefined) return undefined
    id = Number(value)
  }
  return answers ? id : undefined
}
