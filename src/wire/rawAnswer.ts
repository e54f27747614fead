/**
 * Large answers pass as the bytes that came: only the envelope around the result is looked at, in the two shapes that
 * servers write it in. Small ones are cheaper to parse. Anything unusual is parsed, too.
 */

import { isUtf8 } from "node:buffer"
import { maxDepth } from "../protocol/depth.ts"
import { isJsonObject, parseJsonObject } from "../protocol/json.ts"
import { joined, type Pieces, sizeOf, slice } from "../protocol/pieces.ts"
import { RawResult } from "../protocol/rawResult.ts"
import { scanObject } from "./scanObject.ts"

/** Answers below this size are parsed, in bytes. */
export const largeAnswerBytes = 32 * 1024

export interface RawAnswer {
  /** The id of our request. */
  readonly id: number
  readonly result: RawResult
}

const head = /^\{"jsonrpc":"2\.0","id":(\d{1,15}),"result":/
const headOfResult = '{"result":'
const tail = /^,"jsonrpc":"2\.0","id":(\d{1,15})\}\s*$/
/** More than the envelope needs on either side. */
const reach = 96

/** The parts of a JSON-RPC response, or undefined when it is not exactly one in a known shape. */
export function splitAnswer(message: Pieces): RawAnswer | undefined {
  // What passes unread must be sound as text, and fit on a line of whatever carries it on.
  if (message.some((piece) => piece.includes(10) || piece.includes(13)) || !areUtf8(message)) return undefined
  const start = joined(slice(message, 0, reach)).toString("latin1")
  const first = head.exec(start)
  const from = first?.[0].length ?? (start.startsWith(headOfResult) ? headOfResult.length : -1)
  if (from === -1 || start[from] !== "{") return undefined
  const scan = scanObject(message, from, maxDepth - 1)
  // Whatever stands behind the result must be the end of the envelope, or the result is not all that was sent.
  if (scan === undefined || sizeOf(message) - scan.end > reach) return undefined
  const rest = joined(slice(message, scan.end)).toString("latin1")
  const id = first === null ? tail.exec(rest)?.[1] : /^\}\s*$/.test(rest) ? first[1] : undefined
  if (id === undefined) return undefined
  const facts = { holdsUris: scan.mayHoldUris, hasMeta: scan.mayHaveMeta, passing: true }
  return { id: Number(id), result: new RawResult(slice(message, from, scan.end), facts) }
}

/** Whether the bytes are UTF-8 as a whole; a character may lie across pieces. */
function areUtf8(pieces: Pieces): boolean {
  /** The beginning of a character that goes on in the next piece. */
  let torn: Buffer = nothing
  for (const piece of pieces) {
    let from = 0
    if (torn.length > 0) {
      from = Math.min(lengthOfCharacter(torn[0] as number) - torn.length, piece.length)
      torn = Buffer.concat([torn, piece.subarray(0, from)])
      if (isTorn(torn)) continue
      if (!isUtf8(torn)) return false
    }
    const end = startOfTorn(piece, from)
    if (!isUtf8(piece.subarray(from, end))) return false
    torn = piece.subarray(end)
  }
  return torn.length === 0
}

const nothing = Buffer.alloc(0)

/** Index of the character that the end of the bytes cuts off; their length when it cuts none. */
function startOfTorn(bytes: Buffer, from: number): number {
  for (let at = bytes.length - 1; at >= Math.max(from, bytes.length - 3); at -= 1) {
    const isFirst = (bytes[at] as number) >= 0xc0
    if (isFirst) return isTorn(bytes.subarray(at)) ? at : bytes.length
  }
  return bytes.length
}

function isTorn(character: Buffer): boolean {
  return character.length < lengthOfCharacter(character[0] as number)
}

/** Bytes of the character that begins with this one, which is 0xc0 or more (RFC 3629, section 3). */
function lengthOfCharacter(first: number): number {
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}

/** The members of the hop stand this close to the beginning or the end, in bytes. */
const hopMembersReach = 4096
const firstType = '{"resultType":"complete",'
const firstMeta = '"_meta":'
const [lastType, lastMeta] = [',"resultType":"complete"', ',"_meta":{']
const comma = 44

/**
 * A result of the modern generation without the members that belong to its hop (`resultType: complete` and the server's
 * own `serverInfo`), or undefined when it has others beside them or somewhere else, and has to be parsed.
 */
export function withoutHopMembers(raw: RawResult, serverInfoKey: string): RawResult | undefined {
  if (!raw.hasMeta) return raw
  const { bytes, passing } = raw
  const window = Math.max(0, sizeOf(bytes) - hopMembersReach)
  const from = endOfFirst(joined(slice(bytes, 0, hopMembersReach)), serverInfoKey)
  const to = window + startOfLast(joined(slice(bytes, window)), serverInfoKey)
  const pieces = [opening, ...slice(bytes, from, to), closing]
  // What is left of them may stand anywhere, and may stand twice.
  const scan = scanObject(pieces, 0, maxDepth)
  if (scan === undefined || scan.mayHaveMeta) return undefined
  return new RawResult(pieces, { holdsUris: scan.mayHoldUris, hasMeta: false, passing })
}

const opening = Buffer.from("{")
const closing = Buffer.from("}")

/** Index after the members of the hop that the result begins with. */
function endOfFirst(bytes: Buffer, serverInfoKey: string): number {
  const text = bytes.toString("latin1")
  const at = text.startsWith(firstType) ? firstType.length : 1
  if (!text.startsWith(firstMeta, at)) return at
  const start = at + firstMeta.length
  const end = scanObject([bytes], start, maxDepth)?.end
  if (end === undefined || bytes[end] !== comma) return at
  return areOfHop(`{"_meta":${bytes.toString("utf8", start, end)}}`, serverInfoKey) ? end + 1 : at
}

/** Index of those that it ends with, and of its end when there are none. */
function startOfLast(bytes: Buffer, serverInfoKey: string): number {
  const found = [bytes.lastIndexOf(lastType), bytes.lastIndexOf(lastMeta)].sort((a, b) => a - b)
  const own = found.find((at) => at !== -1 && areOfHop(`{${bytes.toString("utf8", at + 1)}`, serverInfoKey))
  return own ?? bytes.length - 1
}

/** Whether an object has no members but those of the hop; false for what belongs to an object inside the result. */
function areOfHop(text: string, serverInfoKey: string): boolean {
  const { resultType = "complete", _meta: meta = {}, ...others } = parseJsonObject(text) ?? { none: true }
  const isOwn = isJsonObject(meta) && Object.keys(meta).every((key) => key === serverInfoKey)
  return resultType === "complete" && isOwn && Object.keys(others).length === 0
}
