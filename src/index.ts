/** The public API: explicit named exports, nothing else. */
export { HostError, type HostErrorCode } from "./errors.ts"
export type { JsonObject, JsonValue } from "./protocol/json.ts"
export type { Store } from "./storage/store.ts"
export type { ServerContext, ServerFactory, ServerLogger } from "./upstreams/serverContext.ts"
