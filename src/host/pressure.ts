/**
 * Watches this process: an event loop that stood still, and memory that runs out. Where the loop stood still lately the
 * host is not ready; with little memory left it takes no new requests, and with hardly any it asks to be ended in order,
 * while it still can. What starting leaves behind is collected in the first quiet moment. Made by `run`, and put between
 * the endpoint and the host.
 */
import type { Session } from "node:inspector"
import type { EventLoopUtilization } from "node:perf_hooks"
import { getHeapStatistics } from "node:v8"
import type { Readiness, ServedWithProfiles } from "../endpoints/served.ts"
import { upstreamError } from "../protocol/errors.ts"
import { withFace } from "./face.ts"

/** Between two looks at the clock and at memory, in milliseconds; and while more than half of the memory is in use. */
const tickMs = 200
const closeTickMs = 20
const closePercent = 50
/** A loop that stood still for longer makes the host not ready, in milliseconds; and for so long afterwards. */
const stallMs = 1_000
const stalledMs = 10_000
/** Between two collections that tell what of the memory is really used, in milliseconds. */
const collectMs = 5_000
/** Where so much more is in use than the last one left, in percent, another begins after so many times what that one took. */
const grownPercent = 3
const pauseFactor = 4
/** Of the memory the heap may take, in percent: from here new requests are refused, and from here the process ends. */
const busyPercent = 85
const exhaustedPercent = 95
/** Share of a tick that the event loop may have worked in a quiet moment. */
const quietShare = 0.1
/** Of V8's limit this is for young objects, which do not count, in bytes: three semi-spaces, larger since Node.js 24. */
const youngBytes = (Number.parseInt(process.versions.node, 10) >= 23 ? 192 : 48) * 1024 * 1024

export interface Memory {
  /** Bytes in use, garbage included. */
  readonly used: number
  readonly limit: number
}

export interface PressureOptions {
  /** Called once, when hardly any memory is left. */
  readonly onExhausted: (reason: string) => void
  /** Told when pressure begins. */
  readonly warn: (reason: string) => void
  readonly memory?: () => Memory
  /** Resolves when garbage has been collected. */
  readonly collect?: () => Promise<void>
}

export class Pressure {
  readonly #options: Required<PressureOptions>
  #timer: NodeJS.Timeout
  #tickMs = tickMs
  #ticked = performance.now()
  #stall = 0
  #stalledAt = Number.NEGATIVE_INFINITY
  /** The last collection: when it began, how long it took, and what it left. */
  #collected = { at: Number.NEGATIVE_INFINITY, ms: 0, percent: 0 }
  #judging = false
  #percent = 0
  #exhausted = false
  /** Where the tick began, while a quiet moment is waited for. */
  #loop: EventLoopUtilization | undefined

  constructor(options: PressureOptions) {
    this.#options = { memory: heap, collect: collectGarbage, ...options }
    this.#timer = this.#next()
  }

  /** Why new requests are refused, if they are. */
  get full(): string | undefined {
    return this.#percent < busyPercent ? undefined : `${this.#percent} % of the memory is in use`
  }

  /** Why the host should be sent nothing, if so. */
  get reason(): string | undefined {
    if (performance.now() - this.#stalledAt > stalledMs) return this.full
    return this.#stallReason
  }

  get #stallReason(): string {
    return `the event loop stood still for ${Math.round(this.#stall)} ms`
  }

  /**
   * The start is over. Garbage is collected as soon as nothing happens: V8 would keep what it took for it, some 10 MB and
   * a quarter of a megabyte for each server, as long as nobody calls.
   */
  started(): void {
    this.#loop = performance.eventLoopUtilization()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #next(): NodeJS.Timeout {
    return setTimeout(() => this.#tick(), this.#tickMs).unref()
  }

  #tick(): void {
    const now = performance.now()
    const late = now - this.#ticked - this.#tickMs
    this.#ticked = now
    if (late > stallMs) {
      this.#stall = late
      this.#stalledAt = now
      this.#options.warn(this.#stallReason)
    }
    const percent = this.#share()
    this.#weigh(now, percent)
    if (this.#loop !== undefined) this.#tidy(this.#loop)
    this.#tickMs = percent < closePercent ? tickMs : closeTickMs
    this.#timer = this.#next()
  }

  #tidy(before: EventLoopUtilization): void {
    const now = performance.eventLoopUtilization()
    const isQuiet = performance.eventLoopUtilization(now, before).utilization < quietShare
    this.#loop = isQuiet ? undefined : now
    if (isQuiet) void this.#options.collect()
  }

  /** What counts is what a collection leaves; it is made only when there seems to be too much. */
  #weigh(now: number, percent: number): void {
    if (percent < busyPercent) {
      this.#percent = percent
      return
    }
    if (this.#judging) return
    const { at, ms, percent: left } = this.#collected
    const pause = percent < left + grownPercent ? collectMs : ms * pauseFactor
    if (now - at >= pause) void this.#judge(now)
    // Until it can be judged it may all be in use.
    else if (percent >= exhaustedPercent) this.#percent = percent
  }

  async #judge(at: number): Promise<void> {
    const before = this.full
    this.#judging = true
    await this.#options.collect()
    this.#judging = false
    this.#percent = this.#share()
    this.#collected = { at, ms: performance.now() - at, percent: this.#percent }
    if (before === undefined && this.full !== undefined) this.#options.warn(`${this.full}; new requests are refused`)
    if (this.#percent < exhaustedPercent || this.#exhausted) return
    this.#exhausted = true
    this.#options.onExhausted(`${this.#percent} % of the memory is in use`)
  }

  #share(): number {
    const { used, limit } = this.#options.memory()
    return Math.floor((used / limit) * 100)
  }
}

/** Requests that take nothing, or give something back. */
const giving: ReadonlySet<string> = new Set(["initialize", "server/discover", "resources/unsubscribe", "tasks/cancel"])

/** The same host, less ready while it is under pressure. */
export function withPressure(served: ServedWithProfiles, pressure: Pressure): ServedWithProfiles {
  return withFace(served, (own) => ({
    handle: (request, context) => {
      const reason = pressure.full
      if (reason === undefined || giving.has(request.method)) return own.handle(request, context)
      return Promise.reject(upstreamError("BUSY", { reason, sent: "no", retryable: true }))
    },
    readiness(): Readiness {
      const { reason } = pressure
      const readiness = own.readiness()
      return reason === undefined ? readiness : { ...readiness, ready: false, reason }
    },
  }))
}

/** Buffers count too: they are outside of the heap, but what has filled them is not over. */
function heap(): Memory {
  const { used_heap_size, external_memory, heap_size_limit } = getHeapStatistics()
  return { used: used_heap_size + external_memory, limit: heap_size_limit - youngBytes }
}

/** Resolves when it is done, or at once where there is no inspector, or none is allowed: then garbage counts as used. */
export function collectGarbage(): Promise<void> {
  const session = openInspector()
  if (session === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    // It is done in a turn of its own, and not at all if the session is over by then. V8 tells while it holds a lock,
    // which the end of the session takes: ended at once, the process would stand still for good.
    session.post("HeapProfiler.collectGarbage", () => {
      setImmediate(() => {
        session.disconnect()
        resolve()
      })
    })
  })
}

function openInspector(): Session | undefined {
  const inspector = process.getBuiltinModule("node:inspector")
  if (inspector === undefined) return undefined
  try {
    const session = new inspector.Session()
    session.connect()
    return session
  } catch {
    // Node's permission model (`--permission`) refuses it.
    return undefined
  }
}
