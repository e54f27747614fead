/** What a run of the suite is about, and what it finds. */
export const revisions = ["2025-11-25", "2026-07-28"] as const
export type Revision = (typeof revisions)[number]

/**
 * direct: the suite against the conformance server. same: through the host, in front of a server of the suite's own
 * generation. crossing: through the host, in front of a server of the other generation only. client: the suite's servers
 * behind the host.
 */
export const legs = ["direct", "same", "crossing", "client"] as const
export type Leg = (typeof legs)[number]

export interface Job {
  readonly revision: Revision
  readonly leg: Leg
}

export interface FailedCheck {
  readonly id: string
  readonly message: string
}

export interface ScenarioResult {
  readonly scenario: string
  /** Of the checks that judge; those that only inform or were skipped do not count. */
  readonly passed: number
  readonly total: number
  /** Failures and warnings. */
  readonly failed: readonly FailedCheck[]
}

export type Results = ReadonlyMap<string, ScenarioResult>

/** The scenarios of a revision, as the suite froze them. */
export interface Requirements {
  readonly server: readonly string[]
  readonly client: readonly string[]
  /** Run and reported by the suite, and not required. */
  readonly notScored: readonly {
    readonly scenario: string
    readonly leg: "server" | "client"
    readonly reason: string
  }[]
}
