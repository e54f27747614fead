/** Somebody else's middleware: what it throws is logged under its name, and fails that one request or is passed over. */
import { messageOf } from "../errors.ts"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import type { McpResult } from "../protocol/messages.ts"
import type { FactLogger } from "../telemetry/types.ts"
import {
  type AddedTool,
  type MessageHook,
  type Middleware,
  methodHooks,
  type NotificationHook,
  type RequestHook,
} from "./types.ts"

export function guarded(middleware: Middleware, name: string, logger: FactLogger): Middleware {
  const { request, notification, ...rest } = middleware
  const failed = failing(name, logger)
  const around = (hook: RequestHook): RequestHook => {
    return async (given, context, next) => {
      let inner: { readonly error: unknown } | undefined
      const passed: typeof next = async (each, with_) => {
        try {
          return await next(each, with_)
        } catch (error) {
          inner = { error }
          throw error
        }
      }
      try {
        return assertResult(await hook(given, context, passed))
      } catch (error) {
        // An error from inside is not the middleware's, and one it made for the client is meant.
        throw error instanceof ProtocolError || error === inner?.error ? error : failed(error)
      }
    }
  }
  const hooks = (Object.keys(methodHooks) as (keyof typeof methodHooks)[]).flatMap((key) => {
    const hook = middleware[key]
    return hook === undefined ? [] : [[key, around(hook.bind(middleware))] as const]
  })
  return {
    ...rest,
    ...(middleware.message !== undefined && { message: seeing(middleware.message.bind(middleware), failed) }),
    ...(middleware.listing !== undefined && { listing: middleware.listing.bind(middleware) }),
    ...(middleware.close !== undefined && { close: middleware.close.bind(middleware) }),
    ...(request !== undefined && { request: around(request.bind(middleware)) }),
    ...(notification !== undefined && { notification: passing(notification.bind(middleware), failed) }),
    ...(middleware.tools !== undefined && {
      tools: middleware.tools.map((tool) => guardedTool(tool, name, logger)),
    }),
    ...Object.fromEntries(hooks),
  }
}

/** A tool that somebody else's middleware adds. */
export function guardedTool(tool: AddedTool, name: string, logger: FactLogger): AddedTool {
  const failed = failing(name, logger)
  return {
    definition: tool.definition,
    async call(args, about) {
      let inner: { readonly error: unknown } | undefined
      const host: typeof about.host = async (request, context) => {
        try {
          return await about.host(request, context)
        } catch (error) {
          inner = { error }
          throw error
        }
      }
      try {
        return assertResult(await tool.call(args, { ...about, host }))
      } catch (error) {
        throw error instanceof ProtocolError || error === inner?.error ? error : failed(error)
      }
    },
  }
}

function failing(name: string, logger: FactLogger): (error: unknown) => ProtocolError {
  return (error) => {
    logger.error(`the middleware ${name} failed: ${messageOf(error)}`, { err: error })
    return new ProtocolError(rpcCodes.internalError, `Internal error in the middleware ${name}`)
  }
}

function assertResult(result: McpResult | undefined): McpResult {
  // Reading `value` would parse what may stay bytes.
  if (typeof result !== "object" || result === null || !("value" in result))
    throw new TypeError("a hook gave no result")
  return result
}

/** A message that its hook failed on goes on as it was. */
function seeing(hook: MessageHook, failed: (error: unknown) => ProtocolError): MessageHook {
  return (message, about, next) => {
    let passed: { readonly on: ReturnType<typeof next> } | undefined
    const once: typeof next = (given) => {
      passed = { on: next(given) }
      return passed.on
    }
    try {
      return hook(message, about, once)
    } catch (error) {
      failed(error)
      return passed === undefined ? next(message) : passed.on
    }
  }
}

/** A notification that its hook failed on goes on as it was. */
function passing(hook: NotificationHook, failed: (error: unknown) => ProtocolError): NotificationHook {
  return (notification, passage, next) => {
    let isPassed = false
    const once = (given: typeof notification): void => {
      isPassed = true
      next(given)
    }
    try {
      hook(notification, passage, once)
    } catch (error) {
      failed(error)
      if (!isPassed) next(notification)
    }
  }
}
