/** One page of a list. The cursor holds the list's revision and a position, so any node can continue, and none keeps state. */
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"

export interface PagedList<Item> {
  /** `Catalog.revisionOf`: a cursor is good for the list it was given with only. */
  readonly revision: string
  readonly items: readonly Item[]
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Absent on the last page. */
  readonly nextCursor?: string
}

/** The page that `cursor` points at, the first without one. Throws -32602 for a cursor that is not of this list. */
export function pageOf<Item>(list: PagedList<Item>, cursor: string | undefined, pageSize: number): Page<Item> {
  const start = cursor === undefined ? 0 : positionOf(list, cursor)
  const end = start + Math.max(1, Math.floor(pageSize))
  const items = list.items.slice(start, end)
  return end < list.items.length ? { items, nextCursor: toCursor(list.revision, end) } : { items }
}

function toCursor(revision: string, position: number): string {
  return btoa(`${revision}.${position}`).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

function positionOf(list: PagedList<unknown>, cursor: string): number {
  const [, revision, digits] = /^(.*)\.([1-9][0-9]{0,8})$/.exec(fromBase64url(cursor)) ?? []
  const position = Number(digits)
  // Only cursors exactly as `toCursor` writes them count: base64 has other spellings.
  if (revision === undefined || toCursor(revision, position) !== cursor) throw refusal("is not one this list gave")
  if (revision !== list.revision) throw refusal("belongs to a list that has changed since; list again from the start")
  if (position >= list.items.length) throw refusal("points past the end")
  return position
}

function fromBase64url(text: string): string {
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  } catch {
    // Not base64: no cursor of ours.
    return ""
  }
}

function refusal(why: string): ProtocolError {
  return new ProtocolError(rpcCodes.invalidParams, `Invalid cursor: it ${why}.`)
}
