/**
 * What surrounds messages on their way through the host. A chain is an ordered list of middleware, outermost first: of a
 * whole manifest, where it sees the names and URIs that clients use, or of one server, where it sees the server's own.
 * `chain.ts` composes them, once for every graph; the public types of authors are here too.
 */
import type { Listing } from "../composition/types.ts"
import type { JsonObject } from "../protocol/json.ts"
import type {
  Client,
  Context,
  Handler,
  McpNotification,
  McpRequest,
  McpResult,
  Unsubscribe,
} from "../protocol/messages.ts"
import type { Kind } from "../protocol/methods.ts"
import type { Store } from "../storage/store.ts"
import type { FactLogger, Metrics } from "../telemetry/types.ts"

/**
 * Surrounds a request. Calls `next` with it, or with a changed copy, and gives its result, or a changed copy; answers by
 * itself without calling `next`; or throws a `ProtocolError`. Requests and results are shared: copy before changing. A
 * large result is bytes (`result.bytes`) until somebody reads `result.value`, which parses it.
 */
export type RequestHook = (request: McpRequest, context: Context, next: Handler) => Promise<McpResult>

/** Where a notification is on its way. */
export interface Passage {
  readonly client: Client
  /** Manifest key of the server that sends it; undefined for what a client tells. */
  readonly server: string | undefined
  readonly towards: "client" | "servers"
}

/**
 * Surrounds a notification: calls `next` with it or with a changed copy, before it returns so that the order is kept; or
 * does not, and nobody hears of it.
 */
export type NotificationHook = (
  notification: McpNotification,
  passage: Passage,
  next: (notification: McpNotification) => void,
) => void

/** Sees every message, requests and notifications alike: passes it on, changed or not, and gives what `next` gives. */
export type MessageHook = <T>(
  message: McpRequest | McpNotification,
  about: { readonly client: Client },
  next: (message: McpRequest | McpNotification) => T,
) => T

/** The hooks of single methods, by name. */
export const methodHooks = {
  callTool: ["tools/call"],
  readResource: ["resources/read"],
  getPrompt: ["prompts/get"],
  complete: ["completion/complete"],
  listTools: ["tools/list"],
  listResources: ["resources/list"],
  listResourceTemplates: ["resources/templates/list"],
  listPrompts: ["prompts/list"],
  /** The result has `capabilities` and `instructions`; both generations' ways to ask for them come here. */
  initialize: ["initialize", "server/discover"],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type MethodHooks = { readonly [Name in keyof typeof methodHooks]?: RequestHook }

/** Everything is optional. Of one middleware, `message` is outside of `request`, and that outside of the method's own. */
export interface Middleware extends MethodHooks {
  readonly message?: MessageHook
  readonly request?: RequestHook
  readonly notification?: NotificationHook
  /**
   * What a server lists, as it shall be composed: before filters, overrides and prefixes, in the server's own names also
   * when the middleware surrounds a whole manifest. Pure, and called once for every listing.
   */
  readonly listing?: (listing: Listing, server: string) => Listing
  /** Tools that are offered besides those of servers; of a server's middleware, as the server's own. */
  readonly tools?: readonly AddedTool[]
  /** Called once, when the last request that could use it has ended. */
  close?(): void | Promise<void>
}

/** A tool that no server has. */
export interface AddedTool {
  /** As `tools/list` shows it; `name` before any prefix. */
  readonly definition: JsonObject & { readonly name: string }
  call(args: JsonObject, call: AddedCall): Promise<McpResult>
}

/** URIs in the result are as clients see them, as those in what `host` answers. */
export interface AddedCall {
  readonly context: Context
  /** What the client sent, whole: with its `_meta`, and its answers to questions. */
  readonly params: JsonObject
  /** The host as this client sees it, in the names clients use, inside of the manifest's chain. */
  readonly host: Handler
  /** Manifest key of the server that something of `host` is of; undefined when the catalogue does not say. */
  owner(kind: Kind, key: string): string | undefined
  /** What `host` calls the tool or prompt that the middleware's place calls so: a server's own name, around a server. Undefined when the client sees none. */
  exposed(kind: "tool" | "prompt", name: string): string | undefined
}

/** What a request is about, in the names the middleware sees. */
export interface Subject {
  /** Manifest key of the server that owns it. */
  readonly server: string
  /** The definition of the tool or prompt; undefined for other requests. */
  readonly definition: JsonObject | undefined
}

/** Something that was listed or read may be another now. */
export type CatalogueEvent =
  | { readonly type: "changed"; readonly server: string | undefined }
  | { readonly type: "updated"; readonly server: string; readonly uri: string }

/** What a middleware may use. */
export interface MiddlewareDeps {
  /** Manifest key of the server it surrounds; undefined when it surrounds all of a manifest. */
  readonly server: string | undefined
  /** Folder of the manifest, absolute; relative paths in options are relative to it. */
  readonly directory: string
  /** Writes to the host's log under the middleware's name. */
  readonly logger: FactLogger
  readonly metrics: Metrics
  /** A part, for this middleware alone, of the store of that name; hosts that share the store share the part. */
  store(name: string): Store
  /** The text with secrets of the manifest masked. */
  mask(text: string): string
  /** What a request is about; undefined when it is about nothing that this client can see. */
  subject(request: McpRequest, client: Client): Subject | undefined
  /** Calls back after a catalogue may have changed (after a reload: all, `server` undefined), and for resources that clients subscribed to. */
  on(listener: (event: CatalogueEvent) => void): Unsubscribe
}

/** Checks options: a zod schema, or anything with this method. */
export interface OptionsSchema<Options> {
  safeParse(input: unknown):
    | { readonly success: true; readonly data: Options }
    | {
        readonly success: false
        readonly error: {
          readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]
        }
      }
}

export interface MiddlewareDefinition<Options = unknown> {
  /** In logs, traces and metrics. */
  readonly name: string
  /** Without it, there are no options. */
  readonly options?: OptionsSchema<Options>
  create(options: Options, deps: MiddlewareDeps): Middleware
}
