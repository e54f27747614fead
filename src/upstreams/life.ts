/**
 * The states of a server as one explicit table: what happens to it, and where that leads from each state. What the table
 * does not name changes nothing: a late event of an earlier connection, or anything after the end.
 */

/**
 * `starting`: first attempt. `ready`: listed. `degraded`: listed, but its calls fail and it is being asked whether it still
 * answers. `backoff`: failed, will be tried again. `failed`: will not. `stopped`: not running, on purpose; a call starts it
 * unless the host closes. `disabled`: the manifest says so.
 */
export const stateNames = ["starting", "ready", "degraded", "backoff", "failed", "stopped", "disabled"] as const

export type StateName = (typeof stateNames)[number]

export type LifeEvent =
  /** Connected, and its catalogue was listed. */
  | "listed"
  /** An attempt failed or the connection ended; it is tried again. */
  | "lost"
  /** It failed in a way that trying again cannot mend. */
  | "hopeless"
  /** Its calls fail one after the other. */
  | "troubled"
  /** It answered all the same. */
  | "recovered"
  /** Nobody needs it. */
  | "rested"
  /** Somebody needs it again. */
  | "woken"
  /** The host closes. */
  | "closed"

const transitions: Readonly<Record<StateName, Partial<Readonly<Record<LifeEvent, StateName>>>>> = {
  starting: { listed: "ready", lost: "backoff", hopeless: "failed", closed: "stopped" },
  ready: { lost: "backoff", hopeless: "failed", troubled: "degraded", rested: "stopped", closed: "stopped" },
  degraded: { lost: "backoff", hopeless: "failed", recovered: "ready", rested: "stopped", closed: "stopped" },
  backoff: { listed: "ready", lost: "backoff", hopeless: "failed", closed: "stopped" },
  failed: { closed: "stopped" },
  stopped: { woken: "starting" },
  disabled: {},
}

export function nextState(state: StateName, event: LifeEvent): StateName | undefined {
  return transitions[state][event]
}

export interface LifeState {
  readonly state: StateName
  /** ISO 8601 time of the last change of `state`. */
  readonly since: string
  /** Why it is not ready. */
  readonly reason?: string
}

export class Life {
  readonly #changed: () => void
  readonly #mask: (text: string) => string
  #now: LifeState
  #closed = false

  /** `changed` is told after every change, of the reason too; a reason may quote the server, so `mask` takes secrets out. */
  constructor(first: Omit<LifeState, "since">, changed: () => void, mask = (text: string): string => text) {
    this.#changed = changed
    this.#mask = mask
    this.#now = { ...first, since: new Date().toISOString() }
  }

  get now(): LifeState {
    return this.#now
  }

  happened(event: LifeEvent, why?: string): void {
    const reason = why === undefined ? undefined : this.#mask(why)
    const { state, since, reason: before } = this.#now
    const next = this.#closed ? undefined : nextState(state, event)
    if (event === "closed") this.#closed = true
    if (next === undefined || (next === state && reason === before)) return
    this.#now = {
      state: next,
      since: next === state ? since : new Date().toISOString(),
      ...(reason !== undefined && { reason }),
    }
    this.#changed()
  }
}

/** Why a server that is started lazily is stopped. */
export const resting = "not running until it is needed"

/** Where a server begins, by when it is to run. */
export const firstStates = {
  eager: { state: "starting" },
  lazy: { state: "stopped", reason: resting },
  off: { state: "disabled", reason: "the manifest says `enabled: false`" },
} as const
