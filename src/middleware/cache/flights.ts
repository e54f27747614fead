/**
 * Requests that are the same, on their way at the same time: one goes out, and all who asked get its answer. Whoever
 * cancels leaves the others alone; when nobody is left, the server is told.
 */
import { Cancellation, isCancelled, onCancelled } from "../../protocol/cancellation.ts"
import { deriveContext } from "../../protocol/deriveContext.ts"
import { ProtocolError, rpcCodes } from "../../protocol/errors.ts"
import { InFlight } from "../../protocol/inFlight.ts"
import { type JsonValue, objectAt } from "../../protocol/json.ts"
import type { Context, Handler, McpNotification, McpRequest, McpResult, Unsubscribe } from "../../protocol/messages.ts"
import { lasting } from "./readAnswer.ts"

export interface Passenger {
  readonly request: McpRequest
  readonly context: Context
  readonly next: Handler
}

export interface Route {
  /** What the answer will be about: when one of these changes, it is not current any more. */
  readonly topics: readonly string[]
  /** Looks at an answer. `isCommon` is false when it is for the one who asked only; `kept` is what others may have of it. */
  readonly landed: (
    result: McpResult,
    isCurrent: boolean,
  ) => { readonly isCommon: boolean; readonly kept: McpResult | undefined }
}

interface Seat extends Passenger {
  readonly resolve: (result: McpResult | Promise<McpResult>) => void
  readonly reject: (error: unknown) => void
  readonly stop: Unsubscribe
}

export class Flights {
  readonly #flying = new InFlight<string, Flight>()

  /** Joins the flight for a key, or starts it. `joined` tells which. */
  fly(
    key: string,
    passenger: Passenger,
    route: Route,
  ): { readonly joined: boolean; readonly answer: Promise<McpResult> } {
    const known = this.#flying.get(key)
    if (known !== undefined) return { joined: true, answer: known.board(passenger) }
    const flight = new Flight(route, () => {
      if (this.#flying.get(key) === flight) this.#flying.delete(key)
    })
    this.#flying.set(key, flight)
    const answer = flight.board(passenger)
    flight.start()
    return { joined: false, answer }
  }

  /** What is on its way about a topic is for those who wait for it already. */
  forget(topic?: string): void {
    for (const flight of this.#flying.values()) if (topic === undefined || flight.isAbout(topic)) flight.outdate()
  }
}

class Flight {
  readonly #route: Route
  readonly #close: () => void
  readonly #seats = new Set<Seat>()
  #cancellation = new Cancellation()
  #isCurrent = true
  /** Whether it has become one client's own, because that client was asked something. */
  #isOwn = false

  /** `close`: from now on nobody boards. */
  constructor(route: Route, close: () => void) {
    this.#route = route
    this.#close = close
  }

  isAbout(topic: string): boolean {
    return this.#route.topics.includes(topic)
  }

  outdate(): void {
    this.#isCurrent = false
    this.#close()
  }

  board({ request, context, next }: Passenger): Promise<McpResult> {
    if (isCancelled(context)) return Promise.reject(cancelled())
    return new Promise((resolve, reject) => {
      const stop = onCancelled(context, () => this.#leave(seat))
      const seat: Seat = { request, context, next, resolve, reject, stop }
      this.#seats.add(seat)
    })
  }

  /** Sends the request of the first who is still there; with nobody there, ends. */
  start(): void {
    const [first] = this.#seats
    if (first === undefined) return this.#close()
    this.#cancellation = new Cancellation()
    // What it rejects with is handled in there.
    void this.#run(first)
  }

  async #run(first: Seat): Promise<void> {
    const { request, context, next } = first
    const derived = deriveContext(context, {
      cancellation: this.#cancellation,
      notify: (notification) => this.#notify(notification, first),
      ask: (question, signal, server) => this.#ask(first, () => context.ask(question, signal, server)),
    })
    try {
      this.#land(first, await next(request, derived))
    } catch (error) {
      // Who has left may have taken the way to the server along.
      if (!this.#seats.has(first) && this.#seats.size > 0) return this.start()
      this.#close()
      for (const seat of this.#empty()) seat.reject(error)
    }
  }

  #land(first: Seat, result: McpResult): void {
    const { isCommon, kept } = this.#route.landed(result, this.#isCurrent && !this.#isOwn)
    this.#close()
    const seats = this.#empty()
    const common = kept ?? (seats.length > 1 ? lasting(result) : result)
    for (const seat of seats) {
      if (seat === first) seat.resolve(kept === undefined ? common : result)
      else if (isCommon) seat.resolve(common)
      else alone(seat)
    }
  }

  /** Progress goes to all who want it, under the token of each; the rest belongs to the one whose request went out. */
  #notify({ method, params }: McpNotification, first: Seat): void {
    if (method !== "notifications/progress") {
      if (this.#seats.has(first)) first.context.notify({ method, params })
      return
    }
    for (const { request, context } of this.#seats) {
      const progressToken = tokenOf(request)
      if (progressToken !== undefined) context.notify({ method, params: { ...params, progressToken } })
    }
  }

  /** What a client answers goes into the result: the others get one of their own. */
  #ask(first: Seat, ask: () => Promise<McpResult>): Promise<McpResult> {
    this.#isOwn = true
    this.#close()
    const isThere = this.#seats.has(first)
    for (const seat of this.#empty(first)) alone(seat)
    if (isThere) return ask()
    this.#cancellation.cancel()
    return Promise.reject(cancelled())
  }

  #leave(seat: Seat): void {
    if (!this.#seats.delete(seat)) return
    seat.reject(cancelled())
    if (this.#seats.size > 0) return
    this.#close()
    this.#cancellation.cancel()
  }

  /** All who are there, but for one: they are not from now on. */
  #empty(but?: Seat): Seat[] {
    const seats = [...this.#seats].filter((seat) => seat !== but)
    for (const seat of seats) {
      this.#seats.delete(seat)
      seat.stop()
    }
    return seats
  }
}

/** The request of one who has left a flight, on its own. */
function alone({ request, context, next, resolve }: Seat): void {
  resolve(next(request, context))
}

function tokenOf({ params }: McpRequest): JsonValue | undefined {
  return objectAt(params, "_meta")?.["progressToken"]
}

function cancelled(): ProtocolError {
  return new ProtocolError(rpcCodes.internalError, "Request cancelled")
}
