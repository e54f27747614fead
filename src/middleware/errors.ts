/**
 * `errors`: writes every error to the log, and keeps from clients what only concerns the insides of a server. Belongs
 * outermost, so that it sees the errors of other middleware too.
 */
import { messageOf } from "../errors.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { ErrorsOptions } from "../manifest/middleware/errors.ts"
import { isCancelled } from "../protocol/cancellation.ts"
import { isHostError, ProtocolError, rpcCodes } from "../protocol/errors.ts"
import type { Context, McpRequest, McpResult } from "../protocol/messages.ts"
import { requestFacts } from "../telemetry/requestFacts.ts"
import type { FactLogger } from "../telemetry/types.ts"
import { defineMiddleware } from "./define.ts"
import { hasFailed } from "./failed.ts"

type Mask = NonNullable<ErrorsOptions["mask"]>

export const errors = defineMiddleware<ErrorsOptions>({
  name: "errors",
  create({ mask = middlewareDefaults.errors.mask }, { logger }) {
    return {
      request(request, context, next) {
        const throwMasked = (error: unknown): never => {
          throw masked(error, { mask, logger, request, context })
        }
        const result = next(request, context)
        return mask === "all" && request.method === "tools/call"
          ? result.then((given) => maskFailedTool(given, request, { context, logger })).catch(throwMasked)
          : result.catch(throwMasked)
      },
    }
  },
})

interface Facts {
  readonly mask: Mask
  readonly logger: FactLogger
  readonly request: McpRequest
  readonly context: Context
}

/** Codes that say what is wrong with the request, in words that its sender needs. */
const aboutRequest: ReadonlySet<number> = new Set([
  rpcCodes.parseError,
  rpcCodes.invalidRequest,
  rpcCodes.methodNotFound,
  rpcCodes.invalidParams,
  rpcCodes.resourceNotFound,
  rpcCodes.headerMismatch,
  rpcCodes.missingClientCapability,
  rpcCodes.unsupportedProtocolVersion,
  rpcCodes.urlElicitationRequired,
])

function masked(error: unknown, { mask, logger, request, context }: Facts): unknown {
  const isKnown = error instanceof ProtocolError
  const facts = {
    ...requestFacts(context),
    method: request.method,
    ...(isKnown ? { code: error.code } : { err: error }),
  }
  // Nobody hears of it.
  if (isCancelled(context)) return error
  logger.warn(messageOf(error), facts)
  const isInternal = !isKnown || error.code === rpcCodes.internalError
  if (mask === "none" && isKnown) return error
  if (isKnown && (isHostError(error) || aboutRequest.has(error.code))) return error
  if (!isInternal && mask !== "all") return error
  const code = isKnown ? error.code : rpcCodes.internalError
  const { request: reference } = facts
  return new ProtocolError(code, `Internal error (reference ${reference})`, { reference })
}

/** A tool that failed says so to the model in its content, which may hold what a stack trace does. */
function maskFailedTool(
  result: McpResult,
  request: McpRequest,
  { context, logger }: Pick<Facts, "context" | "logger">,
): McpResult {
  if (!hasFailed(result)) return result
  const said = JSON.stringify(result.value["content"] ?? null)
  const facts = { ...requestFacts(context), tool: request.params["name"], content: said.slice(0, longestContent) }
  logger.warn("a tool failed", facts)
  // Nothing else of it: members that nobody knows may say the same.
  const content = [{ type: "text", text: `The tool failed (reference ${facts.request})` }]
  return { value: { content, isError: true } }
}

/** What a failed tool said is logged up to here, in characters. */
const longestContent = 4_000
