/** What a server of a manifest runs on: its upstream, which outlives a reload of the manifest that does not concern it. */
import { isDeepStrictEqual } from "node:util"
import type { ServerEntry } from "../manifest/types.ts"
import type { Client } from "../protocol/messages.ts"
import type { Upstream } from "../upstreams/upstream.ts"
import type { Member } from "./member.ts"

export interface Leaf {
  readonly upstream: Upstream
  readonly made: LeafFacts
  /** The server in the graph that serves now: its questions and notifications are told in the names of that. */
  member: Member | undefined
  started: boolean
  /** Requests on their way. */
  calls: number
  /** Which of its resources clients hear of, by the server's own URIs. */
  readonly subscribed: Map<Client, Set<string>>
}

/** What an upstream is made from. */
export interface LeafFacts {
  readonly entry: ServerEntry
  /** Folder of its manifest. */
  readonly directory: string
  /** Says which code a package in process is of; undefined when nobody looked. */
  readonly code: string | undefined
}

/** Whether an upstream made from one serves for the other: all that counts is how it is reached, not how it is shown. */
export function isSameLeaf(one: LeafFacts, other: LeafFacts): boolean {
  return isDeepStrictEqual(reached(one), reached(other))
}

function reached({ entry, directory, code }: LeafFacts): unknown {
  const { place: _place, placeOf: _placeOf, ...told } = entry
  const { rules: _rules, onDown: _onDown, required: _required, middleware: _middleware, ...rest } = told
  return { ...rest, directory, code }
}
