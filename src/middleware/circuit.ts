/**
 * A circuit: closed while requests succeed, open for a time after too many have failed, and then half open: one request
 * is let through to see how it fares. Written here because a library's half-open circuit keeps all other requests waiting
 * for that one without end, and takes a cancelled request for a success.
 */

export interface CircuitRule {
  /** Failures in a row that open it; undefined: no number does. */
  readonly failures: number | undefined
  readonly rate: { readonly percent: number; readonly windowMs: number; readonly minimum: number } | undefined
  readonly openMs: number
}

/** How a request ended; `unknown`: it says nothing about the server. */
export type Outcome = "success" | "failure" | "unknown"

/** For a request that was let through, to give back with its outcome. */
export interface Ticket {
  readonly phase: number
}

/** How long others are told to wait while one is being tried. */
const trialMs = 1_000

export class Circuit {
  readonly #rule: CircuitRule
  readonly #now: () => number
  readonly #recent: Recent | undefined
  #state: "closed" | "open" | "trying" = "closed"
  /** Changes with the state: requests of an earlier phase say nothing about this one. */
  #phase = 0
  #openUntil = 0
  #inRow = 0

  constructor(rule: CircuitRule, now = () => performance.now()) {
    this.#rule = rule
    this.#now = now
    this.#recent = rule.rate && new Recent(rule.rate.windowMs)
  }

  get isOpen(): boolean {
    return this.#state !== "closed"
  }

  /** A ticket, or how long it is until there may be one, in milliseconds. */
  enter(): Ticket | number {
    if (this.#state === "trying") return trialMs
    const leftMs = this.#state === "open" ? this.#openUntil - this.#now() : 0
    if (leftMs > 0) return Math.ceil(leftMs)
    if (this.#state === "open") this.#become("trying")
    return { phase: this.#phase }
  }

  /** Says what the circuit has become by it. */
  leave({ phase }: Ticket, outcome: Outcome): "opened" | "closed" | "same" {
    if (phase !== this.#phase) return "same"
    if (this.#state === "trying") return this.#tried(outcome)
    if (outcome === "unknown") return "same"
    this.#inRow = outcome === "failure" ? this.#inRow + 1 : 0
    this.#recent?.note(outcome, this.#now())
    return outcome === "failure" && this.#isTooMuch() ? this.#open(this.#rule.openMs) : "same"
  }

  #tried(outcome: Outcome): "opened" | "closed" | "same" {
    if (outcome === "failure") return this.#open(this.#rule.openMs)
    if (outcome === "unknown") {
      // The next request is the trial.
      this.#open(0)
      return "same"
    }
    this.#inRow = 0
    this.#recent?.forget()
    this.#become("closed")
    return "closed"
  }

  #open(ms: number): "opened" {
    this.#openUntil = this.#now() + ms
    this.#become("open")
    return "opened"
  }

  #become(state: "closed" | "open" | "trying"): void {
    this.#state = state
    this.#phase += 1
  }

  #isTooMuch(): boolean {
    const { failures, rate } = this.#rule
    if (failures !== undefined && this.#inRow >= failures) return true
    if (rate === undefined || this.#recent === undefined) return false
    const { failed, all } = this.#recent.sums(this.#now())
    return all >= rate.minimum && failed * 100 >= rate.percent * all
  }
}

const slots = 20

/** Outcomes of the last so many milliseconds, counted in parts of that time. */
class Recent {
  readonly #slotMs: number
  #slots: { readonly number: number; failed: number; all: number }[] = []

  constructor(windowMs: number) {
    this.#slotMs = windowMs / slots
  }

  note(outcome: Outcome, now: number): void {
    const number = Math.floor(now / this.#slotMs)
    let slot = this.#slots.at(-1)
    if (slot?.number !== number) {
      slot = { number, failed: 0, all: 0 }
      this.#slots = [...this.#slots.filter((each) => each.number > number - slots), slot]
    }
    slot.all += 1
    if (outcome === "failure") slot.failed += 1
  }

  sums(now: number): { readonly failed: number; readonly all: number } {
    const oldest = Math.floor(now / this.#slotMs) - slots
    let [failed, all] = [0, 0]
    for (const slot of this.#slots) {
      if (slot.number <= oldest) continue
      failed += slot.failed
      all += slot.all
    }
    return { failed, all }
  }

  forget(): void {
    this.#slots = []
  }
}
