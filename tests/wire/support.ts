/** A channel whose other end is the test, and contexts that note what reaches the client. */
import { vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, Context, McpNotification, McpRequest, McpResult, RequestId } from "../../src/protocol/messages.ts"
import type { Channel, ChannelReceiver, SendOptions } from "../../src/wire/channel.ts"
import type { SessionOptions } from "../../src/wire/session.ts"

export class TestChannel implements Channel {
  readonly sent: JsonObject[] = []
  readonly headers: (SendOptions["headers"] | undefined)[] = []
  readonly abandoned: RequestId[] = []
  readonly agreed: [string, boolean][] = []
  readonly pid = undefined
  /** Answers a message as it is sent, or fails to send it. */
  reply: ((message: JsonObject, channel: TestChannel) => unknown) | undefined
  closes = 0
  #receiver: ChannelReceiver | undefined
  abandon?: (id: RequestId) => boolean

  constructor(reply?: (message: JsonObject, channel: TestChannel) => unknown, abandons?: boolean) {
    this.reply = reply
    if (abandons !== undefined)
      this.abandon = (id) => {
        this.abandoned.push(id)
        return abandons
      }
  }

  async start(receiver: ChannelReceiver): Promise<void> {
    this.#receiver = receiver
  }

  async send(message: JsonObject, options?: SendOptions): Promise<void> {
    this.sent.push(message)
    this.headers.push(options?.headers)
    // As with any real channel, nothing comes back before the sender has gone on.
    await Promise.resolve()
    await this.reply?.(message, this)
  }

  negotiated(version: string, isHandshake: boolean): void {
    this.agreed.push([version, isHandshake])
  }

  async close(): Promise<void> {
    this.closes += 1
  }

  receive(message: JsonObject, origin?: RequestId): void {
    this.#receiver?.message({ jsonrpc: "2.0", ...message }, origin)
  }

  end(reason: string | Error): void {
    this.#receiver?.closed(reason instanceof Error ? reason : new Error(reason))
  }

  /** The messages sent with this method. */
  of(method: string): JsonObject[] {
    return this.sent.filter((message) => message["method"] === method)
  }
}

export interface TestContext extends Context {
  readonly seen: McpNotification[]
}

export interface ContextOptions {
  readonly signal?: AbortSignal
  readonly logLevel?: string
  readonly ask?: (request: McpRequest, signal: AbortSignal) => Promise<McpResult>
  readonly client?: Client
}

export function createClient(options: Partial<Client> = {}): Client & { readonly seen: McpNotification[] } {
  const seen: McpNotification[] = []
  return {
    key: "client",
    unsolicited: true,
    leaves: true,
    era: "legacy",
    capabilities: {},
    info: { name: "test", version: "1.0.0" },
    notify: (notification) => void seen.push(notification),
    ask: async () => ({ value: {} }),
    seen,
    ...options,
  }
}

export function createContext(options: ContextOptions = {}): TestContext {
  const seen: McpNotification[] = []
  const client = options.client ?? createClient()
  return {
    id: "test",
    principal: { id: "test" },
    client,
    signal: options.signal ?? new AbortController().signal,
    logLevel: options.logLevel,
    notify: (notification) => void seen.push(notification),
    ask: options.ask ?? (async () => ({ value: {} })),
    seen,
  }
}

export const testTimeouts = { startMs: 5_000, listMs: 5_000, callMs: 5_000, totalMs: 20_000 } as const

export function sessionOptions(options: Partial<SessionOptions> = {}): SessionOptions {
  return {
    clientInfo: { name: "mcp-host", version: "1.0.0" },
    capabilitiesFor: () => ({}),
    timeouts: testTimeouts,
    headerPaths: new Map(),
    outputs: new Map(),
    ask: async () => ({ value: {} }),
    notification: vi.fn(),
    closed: vi.fn(),
    ...options,
  }
}

/** Lets everything that is due now happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
