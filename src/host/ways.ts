/** The ways from a router to what answers: servers with their middleware around them, and tools that middleware adds. */

import { rewriteResult } from "../composition/rewrite.ts"
import type { Catalog } from "../composition/types.ts"
import type { AddedCall, AddedTool } from "../middleware/types.ts"
import { upstreamError } from "../protocol/errors.ts"
import { type JsonObject, objectAt } from "../protocol/json.ts"
import type { Context, Handler, McpResult } from "../protocol/messages.ts"
import type { Member } from "./member.ts"
import type { Scope } from "./scope.ts"

/** Calls of added tools under way in one request: tools that call each other in a circle end there. */
const maxAddedCalls = 32

export interface Ways {
  /** What serves the requests to a server, in its own names. */
  to(member: Member): Handler
  call(tool: AddedTool | undefined, params: JsonObject, context: Context): Promise<McpResult>
}

/** `host` is the router: what an added tool does with it goes by the client's names and sees what the client sees. */
export function createWays(host: Handler, scope: () => Scope): Ways {
  const made = new WeakMap<Member, Handler>()
  const call = (tool: AddedTool, params: JsonObject, context: Context, server?: string): Promise<McpResult> =>
    counted(context, () =>
      tool.call(objectAt(params, "arguments") ?? {}, {
        ...{ context, params, host },
        ...namesOf(() => scope().catalogs.of(context.client).visible, server),
      }),
    )
  const make = ({ entry, upstream, chain, namespace }: Member): Handler => {
    const own: Handler = (request, context) => upstream.handle(request, context)
    if (chain.tools.size === 0) return chain.wrap(own)
    return chain.wrap(async (request, context) => {
      const { method, params } = request
      const tool = method === "tools/call" ? chain.tools.get(String(params["name"])) : undefined
      if (tool === undefined) return own(request, context)
      const result = await call(tool, params, context, entry.key)
      // The chain around a server sees its own URIs, and the router makes them exposed ones again.
      const value = rewriteResult(method, result.value, (uri) => namespace.decodeUri(uri) ?? uri)
      return value === result.value ? result : { value }
    })
  }
  return {
    async call(tool, params, context) {
      if (tool === undefined) throw new Error("no such tool was added")
      return call(tool, params, context)
    },
    to(member) {
      const known = made.get(member)
      if (known !== undefined) return known
      const handler = make(member)
      made.set(member, handler)
      return handler
    },
  }
}

function namesOf(catalog: () => Catalog, server: string | undefined): Pick<AddedCall, "owner" | "exposed"> {
  return {
    owner: (kind, key) =>
      catalog().resolve(kind, key)?.origin.server ??
      (kind === "resource" ? catalog().resolveUri(key)?.server : undefined),
    exposed: (kind, name) =>
      server === undefined
        ? catalog().resolve(kind, name)?.key
        : catalog()
            .list(kind)
            .find(({ origin }) => origin.server === server && origin.key === name)?.key,
  }
}

/** By the id of the request, which contexts that are derived from it share. */
const underWay = new Map<string, number>()

async function counted(context: Context, work: () => Promise<McpResult>): Promise<McpResult> {
  const { id } = context
  const count = (underWay.get(id) ?? 0) + 1
  if (count > maxAddedCalls) {
    const reason = `more than ${maxAddedCalls} tools of middleware call each other`
    throw upstreamError("LIMIT_EXCEEDED", { reason, sent: "maybe", retryable: false })
  }
  underWay.set(id, count)
  try {
    return await work()
  } finally {
    const left = (underWay.get(id) ?? 1) - 1
    if (left === 0) underWay.delete(id)
    else underWay.set(id, left)
  }
}
