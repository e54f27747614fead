/** The load generator's process, asked over its channel. */
import { type ChildProcess, fork } from "node:child_process"
import path from "node:path"

export const eras = ["legacy", "modern"] as const
export type Era = (typeof eras)[number]
export type Protocol = "streamable" | "sse"

export interface Address {
  readonly url: string
  readonly protocol: Protocol
  readonly era?: Era
}

export interface CallRequest extends Address {
  readonly tool: string
  /** Size of the answer's text; without it the tool echoes about 100 bytes. */
  readonly bytes?: number
  /** Asks for a progress notification before the answer, which makes the answer an event stream. */
  readonly progress?: boolean
  readonly callers: number
  readonly seconds: number
  readonly warmUp: number
  /** How long the window may become where answers are slow, in seconds; 10 unless said. */
  readonly longest?: number | undefined
  /** Whose CPU time is counted. */
  readonly pid?: number
}

export interface CallResult {
  /** In the window. */
  readonly calls: number
  /** With those before and after it. */
  readonly answered: number
  readonly seconds: number
  readonly p50Us?: number
  readonly p99Us?: number
  readonly cpuUs?: number
  readonly errors: number
  readonly error?: string
  /** Answers that came without the progress notification that was asked for. */
  readonly withoutProgress: number
}

export interface ListResult {
  readonly tools: number
  readonly names: readonly string[]
  readonly latencies: readonly number[]
  readonly cpuUs?: number
}

export interface Load {
  calls(request: CallRequest): Promise<CallResult>
  list(request: Address & { readonly times?: number; readonly pid?: number }): Promise<ListResult>
  /** Resolves with the time, in milliseconds of the epoch, at which `tools` tools were listed. */
  ready(request: Address & { readonly tools: number; readonly timeoutMs?: number }): Promise<{ readonly at: number }>
  /** Resolves with the time at which a call of each of these tools had been answered. */
  served(request: Address & { readonly names: readonly string[] }): Promise<{ readonly at: number }>
  /** Opens sessions and keeps them, with their GET streams if asked. */
  open(request: { readonly url: string; readonly count: number; readonly streams: boolean }): Promise<number>
  close(request?: { readonly url?: string }): Promise<void>
  stop(): void
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export function startLoad(): Load {
  const child = fork(path.join(import.meta.dirname, "../load/main.mjs"), { execArgv: ["--max-old-space-size=2048"] })
  const waiting = new Map<number, Waiting>()
  let nextId = 1
  child.on("message", (message) => settle(waiting, message as Answer))
  child.on("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the load generator ended with ${code}`))
  })
  const ask = (op: string, given: object = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = nextId++
      if (!child.connected) return reject(new Error("the load generator has ended"))
      waiting.set(id, { resolve, reject })
      child.send({ id, op, ...given })
    })
  return {
    // The generator is part of the suite: what it answers has the shape its operation says.
    calls: (request) => ask("calls", request) as Promise<CallResult>,
    list: (request) => ask("list", request) as Promise<ListResult>,
    ready: (request) => ask("ready", request) as Promise<{ at: number }>,
    served: (request) => ask("served", request) as Promise<{ at: number }>,
    open: (request) => ask("open", request) as Promise<number>,
    close: (request) => ask("close", request) as Promise<void>,
    stop: () => stop(child),
  }
}

function settle(waiting: Map<number, Waiting>, { id, value, error }: Answer): void {
  const entry = waiting.get(id)
  waiting.delete(id)
  if (error === undefined) entry?.resolve(value)
  else entry?.reject(new Error(error))
}

function stop(child: ChildProcess): void {
  child.removeAllListeners("exit")
  child.disconnect()
}
