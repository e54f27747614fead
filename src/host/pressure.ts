/**
 * Watches this process: an event loop that stood still, and memory that runs out. Where the loop stood still lately the
 * host is not ready; with little memory left it takes no new requests, and with hardly any it asks to be ended in order,
 * while it still can. Made by `run`, and put between the endpoint and the host.
 */
import { getHeapStatistics } from "node:v8"
import type { Readiness, ServedWithProfiles } from "../endpoints/served.ts"
import { upstreamError } from "../protocol/errors.ts"
import { withFace } from "./face.ts"

/** Between two looks at the clock, in milliseconds. */
const tickMs = 200
/** A loop that stood still for longer makes the host not ready, in milliseconds; and for so long afterwards. */
const stallMs = 1_000
const stalledMs = 10_000
/** Between two collections that tell what of the memory is really used, in milliseconds; and when it may be all. */
const collectMs = 5_000
const urgentMs = 1_000
/** Of the memory the heap may take, in percent: from here new requests are refused, and from here the process ends. */
const busyPercent = 85
const exhaustedPercent = 95
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
  /** Collects garbage. */
  readonly collect?: () => void
}

export class Pressure {
  readonly #options: Required<PressureOptions>
  readonly #timer: NodeJS.Timeout
  #ticked = performance.now()
  #stall = 0
  #stalledAt = Number.NEGATIVE_INFINITY
  #collectedAt = Number.NEGATIVE_INFINITY
  #percent = 0
  #exhausted = false

  constructor(options: PressureOptions) {
    this.#options = { memory: heap, collect: collectGarbage, ...options }
    this.#timer = setInterval(() => this.#tick(), tickMs).unref()
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

  close(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    const late = now - this.#ticked - tickMs
    this.#ticked = now
    if (late > stallMs) {
      this.#stall = late
      this.#stalledAt = now
      this.#options.warn(this.#stallReason)
    }
    this.#weigh(now)
  }

  /** What counts is what a collection leaves; it is made only when there seems to be too much. */
  #weigh(now: number): void {
    const percent = this.#share()
    if (percent < busyPercent) {
      this.#percent = percent
      return
    }
    if (now - this.#collectedAt < (percent < exhaustedPercent ? collectMs : urgentMs)) return
    this.#collectedAt = now
    const before = this.full
    this.#options.collect()
    this.#percent = this.#share()
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

/** Nothing where this build of Node.js has no inspector: then garbage counts as used. */
function collectGarbage(): void {
  const inspector = process.getBuiltinModule("node:inspector")
  if (inspector === undefined) return
  const session = new inspector.Session()
  session.connect()
  session.post("HeapProfiler.collectGarbage")
  session.disconnect()
}
