/**
 * Compares what servers list with the lock. With `enforce`, what is new or changed is hidden; either way it is counted,
 * and logged once. The decision is made for each listing anew, so it holds for live changes too.
 */
import type { Logger } from "pino"
import { changeId, changesIn, definitionsIn } from "../composition/lock.ts"
import type { Listing, LockChange, SourceRules } from "../composition/types.ts"
import type { SecuritySection } from "../manifest/types.ts"

export class Quarantine {
  readonly #security: SecuritySection
  readonly #log: Logger
  /** By the listing of the server itself, which is one object for several forms of it. */
  readonly #changes = new WeakMap<Listing, readonly LockChange[]>()
  readonly #told = new Set<string>()

  constructor(security: SecuritySection, log: Logger) {
    this.#security = security
    this.#log = log
  }

  /** New and changed components of a server; none when nothing is locked. */
  changes(server: string, listing: Listing | undefined): readonly LockChange[] {
    const { lock, locked } = this.#security
    if (lock === "off" || locked === undefined || listing === undefined) return []
    const own = listing.own ?? listing
    const known = this.#changes.get(own)
    if (known !== undefined) return known
    const changes = changesIn(definitionsIn(own), locked.get(server))
    this.#changes.set(own, changes)
    this.#tell(server, changes)
    return changes
  }

  /** The rules of a server with what the lock hides of this listing. */
  apply(rules: SourceRules, listing: Listing): SourceRules {
    const changes = this.changes(rules.server, listing)
    if (this.#security.lock !== "enforce" || changes.length === 0) return rules
    const hidden = new Set(changes.map(({ kind, key }) => `${kind} ${key}`))
    return { ...rules, isQuarantined: (kind, key) => hidden.has(`${kind} ${key}`) }
  }

  /** Whether clients may be given what a server says of itself. */
  allowsInstructions(server: string, text: string): boolean {
    const { lock, locked } = this.#security
    if (lock === "off" || locked === undefined || locked.get(server)?.instructions === text) return true
    const isHidden = lock === "enforce"
    this.#once(`${server} instructions ${text}`, () =>
      this.#log.warn(
        { server },
        `its instructions differ from the lock${isHidden ? " and are left out" : ""}; see mcp-host diff`,
      ),
    )
    return !isHidden
  }

  #tell(server: string, changes: readonly LockChange[]): void {
    const verdict = this.#security.lock === "enforce" ? " and is hidden" : ""
    if (this.#security.locked?.has(server) !== true && changes.length > 0) {
      this.#once(server, () =>
        this.#log.warn({ server }, `it is not in the lock, so all it offers is new${verdict}; see mcp-host lock`),
      )
      return
    }
    for (const change of changes) {
      const { kind, key, before } = change
      const what = before === undefined ? "is not in the lock" : "differs from the lock"
      this.#once(`${server} ${changeId(change)}`, () =>
        this.#log.warn({ server }, `the ${kind} ${key} ${what}${verdict}; see mcp-host diff ${server}`),
      )
    }
  }

  #once(id: string, tell: () => void): void {
    if (this.#told.has(id)) return
    this.#told.add(id)
    tell()
  }
}
