/** What `rateLimit` and `concurrency` keep requests apart by, and which server a request is for. */
import type { By, Dimension } from "../manifest/middleware/shared.ts"
import type { Context, McpRequest } from "../protocol/messages.ts"
import type { MiddlewareDeps, Subject } from "./types.ts"

type About<T> = (request: McpRequest, context: Context) => T

/** A text that is the same for requests that count together. What clients name counts only where there is such a thing. */
export function createKeyOf(by: By, deps: Pick<MiddlewareDeps, "server" | "subject">): About<string> {
  if (by === "all") return () => ""
  const dimensions: readonly Dimension[] = typeof by === "string" ? [by] : by
  const values = dimensions.map((dimension) => createValueOf(dimension, deps))
  const [only, ...others] = values
  if (only !== undefined && others.length === 0) return only
  return (request, context) => JSON.stringify(values.map((value) => value(request, context)))
}

function createValueOf(dimension: Dimension, deps: Pick<MiddlewareDeps, "server" | "subject">): About<string> {
  if (dimension === "client") return (_request, context) => context.client.key
  if (dimension === "principal") return (_request, context) => context.principal.id
  const { server } = deps
  if (dimension === "server")
    return server === undefined
      ? (request, context) => deps.subject(request, context.client)?.server ?? ""
      : () => server
  return (request, context) => {
    const subject = deps.subject(request, context.client)
    return JSON.stringify([server ?? subject?.server ?? "", toolOf(request, subject)])
  }
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
