/** The public API: explicit named exports, nothing else. What is a value here loads nothing but itself. */
export { HostError, type HostErrorCode } from "./errors.ts"
export { defineMiddleware } from "./middleware/define.ts"
export type {
  AddedCall,
  AddedTool,
  CatalogueEvent,
  MessageHook,
  MethodHooks,
  Middleware,
  MiddlewareDefinition,
  MiddlewareDeps,
  NotificationHook,
  OptionsSchema,
  Passage,
  RequestHook,
  Subject,
} from "./middleware/types.ts"
export {
  ProtocolError,
  rpcCodes,
  type UpstreamErrorFacts,
  upstreamError,
  type WireErrorName,
} from "./protocol/errors.ts"
export type { JsonObject, JsonValue } from "./protocol/json.ts"
export type {
  Client,
  Context,
  Handler,
  McpNotification,
  McpRequest,
  McpResult,
  Principal,
} from "./protocol/messages.ts"
export type { Store } from "./storage/store.ts"
export type { FactLogger, Metrics } from "./telemetry/types.ts"
export type { ServerContext, ServerFactory, ServerLogger } from "./upstreams/serverContext.ts"
