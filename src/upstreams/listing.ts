/** Takes the whole catalogue of a server: all pages of every list it declares. */
import type { Listing } from "../composition/types.ts"
import { type CacheHint, strictest } from "../protocol/cacheHint.ts"
import { ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { type JsonObject, objectsAt } from "../protocol/json.ts"
import { type Kind, kinds, kindWords } from "../protocol/methods.ts"
import { cacheHintOf } from "../wire/caching.ts"
import { internalContext } from "../wire/internalContext.ts"
import type { UpstreamSession } from "../wire/session.ts"
import { withObjectOutput } from "../wire/structured.ts"
import { knowsNoExecution } from "../wire/tasks.ts"

/** A list that does not end by then is broken. */
const maxPages = 64

export const emptyListing: Listing = { tool: [], prompt: [], resource: [], resourceTemplate: [] }

/** Lists `wanted` kinds and takes the others from `known`. */
export async function takeListing(
  session: UpstreamSession,
  signal: AbortSignal,
  wanted: Iterable<Kind> = kinds,
  known: Listing = emptyListing,
): Promise<Listing> {
  const declared = [...new Set(wanted)].filter((kind) => kindWords[kind].capability in session.capabilities)
  const lists = await Promise.all(declared.map(async (kind) => ({ kind, ...(await listAll(session, kind, signal)) })))
  const taken = { ...known, ...Object.fromEntries(lists.map(({ kind, components }) => [kind, components])) }
  const hinted = lists.flatMap(({ kind, hint }) => (hint === undefined ? [] : [[kind, hint] as const]))
  return hinted.length === 0 ? taken : { ...taken, hints: { ...known.hints, ...Object.fromEntries(hinted) } }
}

interface TakenList {
  readonly components: JsonObject[]
  readonly hint: CacheHint | undefined
}

/** Derived once, so that what is made of a listing is made once. */
const wrapped = new WeakMap<Listing, Listing>()

/** The same listing with output schemas whose root is an object; the same object when they all are. */
export function withObjectOutputs(listing: Listing): Listing {
  const known = wrapped.get(listing)
  if (known !== undefined) return known
  const tool = listing.tool.map(withObjectOutput)
  const derived = tool.every((each, index) => each === listing.tool[index])
    ? listing
    : { ...listing, tool, own: listing }
  wrapped.set(listing, derived)
  return derived
}

const unqualified = new WeakMap<Listing, Listing>()

/** The same listing without how tools run as tasks; the same object when none says so. */
export function withoutExecution(listing: Listing): Listing {
  const known = unqualified.get(listing)
  if (known !== undefined) return known
  const derived = listing.tool.some((tool) => "execution" in tool)
    ? { ...listing, tool: listing.tool.map(({ execution: _execution, ...tool }) => tool), own: listing }
    : listing
  unqualified.set(listing, derived)
  return derived
}

/** A listing as clients of a generation are shown it, whichever generation its server speaks: each form leaves alone what is of the client's own. */
export function formFor(era: string, listing: Listing): Listing {
  return knowsNoExecution(era) ? withoutExecution(listing) : withObjectOutputs(listing)
}

async function listAll(session: UpstreamSession, kind: Kind, signal: AbortSignal): Promise<TakenList> {
  const { list, member, id } = kindWords[kind]
  const components: JsonObject[] = []
  const hints: CacheHint[] = []
  const cursors = new Set<string>()
  let params: JsonObject = {}
  for (;;) {
    const page = await listPage(session, { method: list, params }, signal)
    // In-process servers answer with live objects: only what JSON carries is the catalogue's business.
    const plain = JSON.parse(JSON.stringify(objectsAt(page, member))) as JsonObject[]
    components.push(...plain.filter((component) => typeof component[id] === "string"))
    const hint = cacheHintOf(session, page)
    if (hint !== undefined) hints.push(hint)
    const cursor = page["nextCursor"]
    if (typeof cursor !== "string") return { components, hint: hints.length === 0 ? undefined : strictest(hints) }
    if (cursors.has(cursor) || cursors.size + 1 === maxPages) {
      const reason = cursors.has(cursor)
        ? `${list} gave the same cursor twice`
        : `${list} has more than ${maxPages} pages`
      throw upstreamError("LIMIT_EXCEEDED", { reason, sent: "maybe", retryable: false })
    }
    cursors.add(cursor)
    params = { cursor }
  }
}

/** A page, empty when the server declares the capability but not this method (templates are often left out). */
async function listPage(
  session: UpstreamSession,
  request: { method: string; params: JsonObject },
  signal: AbortSignal,
): Promise<JsonObject> {
  try {
    return (await session.request(request, internalContext(signal))).value
  } catch (error) {
    if (error instanceof ProtocolError && error.code === rpcCodes.methodNotFound) return {}
    throw error
  }
}
