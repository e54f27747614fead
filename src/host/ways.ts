/** The ways from a router to what answers: servers with their middleware around them, and tools that middleware adds. */
import type { AddedTool } from "../middleware/types.ts"
import { type JsonObject, objectAt } from "../protocol/json.ts"
import type { Context, Handler, McpResult } from "../protocol/messages.ts"
import type { Member } from "./member.ts"

export interface Ways {
  /** What serves the requests to a server, in its own names. */
  to(member: Member): Handler
  call(tool: AddedTool | undefined, params: JsonObject, context: Context): Promise<McpResult>
}

/** `host` is the router: what an added tool does with it goes by the client's names and sees what the client sees. */
export function createWays(host: Handler): Ways {
  const made = new WeakMap<Member, Handler>()
  const call: Ways["call"] = (tool, params, context) => {
    if (tool === undefined) throw new Error("no such tool was added")
    return tool.call(objectAt(params, "arguments") ?? {}, { context, host })
  }
  const make = ({ upstream, chain }: Member): Handler => {
    const own: Handler = (request, context) => upstream.handle(request, context)
    if (chain.tools.size === 0) return chain.wrap(own)
    return chain.wrap((request, context) => {
      const { method, params } = request
      const tool = method === "tools/call" ? chain.tools.get(String(params["name"])) : undefined
      return tool === undefined ? own(request, context) : call(tool, params, context)
    })
  }
  return {
    call,
    to(member) {
      const known = made.get(member)
      if (known !== undefined) return known
      const handler = make(member)
      made.set(member, handler)
      return handler
    },
  }
}
