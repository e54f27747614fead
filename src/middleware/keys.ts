/** What `rateLimit` and `concurrency` keep requests apart by, and which server a request is for. */
import type { By, Dimension } from "../manifest/middleware/shared.ts"
import type { Context, McpRequest } from "../protocol/messages.ts"
import type { MiddlewareDeps, Subject } from "./types.ts"

type About<T> = (request: McpRequest, context: Context) => T

/** A text that is the same for requests that count together. What clients name counts only where there is such a thing. */
export function createKeyOf(by: By, deps: Pick<MiddlewareDeps, "server" | "subject">): About<string> {
  if (by === "all") return () => ""
  const dimensions: readonly Dimension[] = typeof by === "string" ? [by] : by
  const needsSubject = dimensions.includes("tool") || (dimensions.includes("server") && deps.server === undefined)
  const keyOf = (request: McpRequest, context: Context): string[] => {
    const subject = needsSubject ? deps.subject(request, context.client) : undefined
    const server = deps.server ?? subject?.server ?? ""
    const values: Readonly<Record<Dimension, string>> = {
      client: context.client.key,
      principal: context.principal.id,
      server,
      tool: dimensions.includes("tool") ? JSON.stringify([server, toolOf(request, subject)]) : "",
    }
    return dimensions.map((dimension) => values[dimension])
  }
  return dimensions.length === 1
    ? (request, context) => keyOf(request, context)[0] ?? ""
    : (request, context) => JSON.stringify(keyOf(request, context))
}

/** Requests that call no tool count together. */
function toolOf({ method, params }: McpRequest, subject: Subject | undefined): string {
  return method === "tools/call" && subject?.definition !== undefined ? String(params["name"]) : ""
}

/** The server a request is for, as an error about it names it. */
export function createServerOf(deps: Pick<MiddlewareDeps, "server" | "subject">): About<{ readonly server?: string }> {
  return (request, context) => {
    const server = deps.server ?? deps.subject(request, context.client)?.server
    return server === undefined ? {} : { server }
  }
}
