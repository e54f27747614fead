import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Life, type LifeEvent, nextState, type StateName } from "../../src/upstreams/life.ts"

const states: readonly StateName[] = ["starting", "ready", "degraded", "backoff", "failed", "stopped", "disabled"]
const events: readonly LifeEvent[] = [
  "listed",
  "lost",
  "hopeless",
  "troubled",
  "recovered",
  "rested",
  "woken",
  "closed",
]

describe("a server's life", () => {
  it("goes from each state where the documentation says, and nowhere else", () => {
    const moves = states.flatMap((state) =>
      events.flatMap((event) => {
        const next = nextState(state, event)
        return next === undefined ? [] : [`${state} ${event} ${next}`]
      }),
    )
    expect(moves).toEqual([
      "starting listed ready",
      "starting lost backoff",
      "starting hopeless failed",
      "starting closed stopped",
      "ready lost backoff",
      "ready hopeless failed",
      "ready troubled degraded",
      "ready rested stopped",
      "ready closed stopped",
      "degraded lost backoff",
      "degraded hopeless failed",
      "degraded recovered ready",
      "degraded rested stopped",
      "degraded closed stopped",
      "backoff listed ready",
      "backoff lost backoff",
      "backoff hopeless failed",
      "backoff closed stopped",
      "failed closed stopped",
      "stopped woken starting",
    ])
  })

  it("ends when the host closes, is told once for each change, and dates the state, not the reason", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...events), fc.option(fc.constantFrom("a", "b"), { nil: undefined }))),
        (happenings) => {
          let told = 0
          const life = new Life({ state: "starting" }, () => {
            told += 1
          })
          let closed = false
          for (const [event, reason] of happenings) {
            const before = life.now
            const count = told
            life.happened(event, reason)
            const next = closed ? undefined : nextState(before.state, event)
            closed ||= event === "closed"
            const changes = next !== undefined && (next !== before.state || reason !== before.reason)
            expect(told - count).toBe(changes ? 1 : 0)
            if (!changes) expect(life.now).toBe(before)
            else expect(life.now).toMatchObject({ state: next, ...(reason !== undefined && { reason }) })
            if (life.now.state === before.state) expect(life.now.since).toBe(before.since)
          }
        },
      ),
    )
  })
})
