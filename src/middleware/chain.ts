/**
 * Composes middleware: an ordered list, outermost first, becomes one handler around another. Done once for every graph of
 * servers; a method that no hook concerns costs one look-up, and an empty chain nothing. Made by `host/chains.ts`.
 */
import type { Listing } from "../composition/types.ts"
import { HostError } from "../errors.ts"
import type { Handler, McpNotification, McpRequest } from "../protocol/messages.ts"
import {
  type AddedTool,
  type MessageHook,
  type Middleware,
  methodHooks,
  type Passage,
  type RequestHook,
} from "./types.ts"

export type Deliver = (notification: McpNotification) => void

/** A middleware with what logs and traces call it. */
export interface Link {
  readonly name: string
  readonly middleware: Middleware
  /** Around its request hooks, to trace them; undefined while nothing is traced. */
  readonly trace?: RequestHook | undefined
}

export interface Chain {
  /** True when nothing surrounds requests: then they need not come here. */
  readonly empty: boolean
  /** The handler with all hooks around it. */
  wrap(handler: Handler): Handler
  /** Delivers a notification when all hooks have let it pass. */
  pass(notification: McpNotification, passage: Passage, deliver: Deliver): void
  /** What a server lists, as it shall be composed. */
  list(listing: Listing, server: string): Listing
  /** True when a middleware in it wants to be closed after its last request. */
  readonly closes: boolean
  /** Tools that are offered besides those of servers, by name. */
  readonly tools: ReadonlyMap<string, AddedTool>
}

const hookOf: ReadonlyMap<string, keyof typeof methodHooks> = new Map(
  (Object.keys(methodHooks) as (keyof typeof methodHooks)[]).flatMap((name) =>
    methodHooks[name].map((method) => [method, name] as const),
  ),
)

export function createChain(links: readonly Link[]): Chain {
  const middleware = links.map((link) => link.middleware)
  const around = (method: string | undefined) => links.flatMap((link) => tracedHooksOf(link, method))
  const notified = middleware.filter(({ message, notification }) => message ?? notification)
  return {
    empty: [undefined, ...hookOf.keys()].every((method) => around(method).length === 0),
    wrap(handler) {
      const others = surround(around(undefined), handler)
      const methods = new Map([...hookOf.keys()].map((method) => [method, surround(around(method), handler)]))
      return (request, context) => (methods.get(request.method) ?? others)(request, context)
    },
    pass: (notification, passage, deliver) => passThrough(notified, passage, deliver)(notification),
    list: (listing, server) => middleware.reduceRight((shown, each) => each.listing?.(shown, server) ?? shown, listing),
    closes: middleware.some(({ close }) => close !== undefined),
    tools: toolsOf(links),
  }
}

function tracedHooksOf({ middleware, trace }: Link, method: string | undefined): RequestHook[] {
  const hooks = hooksOf(middleware, method)
  return trace === undefined || hooks.length === 0 ? hooks : [trace, ...hooks]
}

/** By name; two of one name are an error of the manifest. */
function toolsOf(links: readonly Link[]): Map<string, AddedTool> {
  const tools = new Map<string, AddedTool>()
  const owners = new Map<string, string>()
  for (const { name, middleware } of links) {
    for (const tool of middleware.tools ?? []) {
      const key = tool.definition.name
      const owner = owners.get(key)
      if (owner !== undefined) {
        const message = `Two middleware of one list add the tool ${key}: ${owner} and ${name}`
        const help = "Give one of the two tools another name, in the options of its middleware."
        throw new HostError("NAME_COLLISION", message, { help })
      }
      owners.set(key, name)
      tools.set(key, tool)
    }
  }
  return tools
}

/** What of a middleware surrounds requests of a method, outermost first; without one, of any method that has no hook. */
function hooksOf({ message, request, ...hooks }: Middleware, method: string | undefined): RequestHook[] {
  const name = method === undefined ? undefined : hookOf.get(method)
  const own = name === undefined ? undefined : hooks[name]
  const every = message === undefined ? undefined : asRequestHook(message)
  return [every, request, own].filter((hook) => hook !== undefined)
}

function asRequestHook(message: MessageHook): RequestHook {
  return (request, context, next) => message(request, context, (passed: McpRequest) => next(passed, context))
}

/** What hooks are given as `next`, and what is around them, always gives a promise: they need not be async for that. */
function surround(hooks: readonly RequestHook[], handler: Handler): Handler {
  if (hooks.length === 0) return handler
  return hooks.reduceRight<Handler>(
    (next, hook) => rejecting((request, context) => hook(request, context, next)),
    rejecting(handler),
  )
}

/** What it throws at once becomes a rejection. */
function rejecting(handler: Handler): Handler {
  return (request, context) => {
    try {
      return handler(request, context)
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

/** The outermost is the first that a client's notification comes to, and the last for a server's. */
function passThrough(middleware: readonly Middleware[], passage: Passage, deliver: Deliver): Deliver {
  const outward = passage.towards === "servers" ? middleware : middleware.toReversed()
  return outward.reduceRight<Deliver>((next, each) => passOne(each, passage, next), deliver)
}

function passOne({ message, notification }: Middleware, passage: Passage, next: Deliver): Deliver {
  const inner: Deliver = notification === undefined ? next : (given) => notification(given, passage, next)
  return message === undefined ? inner : (given) => message(given, passage, inner)
}
