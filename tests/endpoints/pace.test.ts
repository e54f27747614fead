/** How fast a client is told: bounded in every second, the latest of every state in the end, lost lines counted. */
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Pace } from "../../src/endpoints/pace.ts"
import type { McpNotification } from "../../src/protocol/messages.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const progress = (progressToken: number, at: number): McpNotification => ({
  method: "notifications/progress",
  params: { progressToken, progress: at },
})
const updated = (uri: number): McpNotification => ({
  method: "notifications/resources/updated",
  params: { uri: `x://${uri}` },
})
const changed: McpNotification = { method: "notifications/tools/list_changed", params: {} }
const line = (data: number): McpNotification => ({ method: "notifications/message", params: { level: "error", data } })

function paced(ready?: () => boolean) {
  const sent: McpNotification[] = []
  return { sent, pace: new Pace((notification) => void sent.push(notification), ready) }
}

const leftOut = (sent: readonly McpNotification[]): number =>
  sent.reduce((sum, { params }) => sum + Number(/^left out (\d+) /.exec(String(params["data"]))?.[1] ?? 0), 0)

describe("Pace", () => {
  it("passes a hundred at once as they are", () => {
    const { sent, pace } = paced()
    const all = Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? progress(1, at) : line(at)))
    for (const each of all) pace.tell(each)
    expect(sent).toEqual(all)
  })

  it("tells the latest progress before an answer, and how many lines were left out", () => {
    const { sent, pace } = paced()
    for (let at = 1; at <= 200_000; at += 1) pace.tell(at % 2 === 0 ? progress(1, at) : line(at))
    expect(sent).toHaveLength(100)
    pace.flush()
    expect(sent.slice(100)).toEqual([
      progress(1, 200_000),
      {
        method: "notifications/message",
        params: { level: "error", logger: "mcp-host", data: expect.stringMatching(/^left out 99950 log messages/) },
      },
    ])
    vi.advanceTimersByTime(10_000)
    expect(sent).toHaveLength(102)
  })

  it("waits while the client does not read", () => {
    let ready = false
    const { sent, pace } = paced(() => ready)
    for (let at = 0; at < 1_000; at += 1)
      for (const each of [line(at), progress(1, at), updated(7), changed]) pace.tell(each)
    vi.advanceTimersByTime(60_000)
    expect(sent).toEqual([])
    ready = true
    vi.advanceTimersByTime(1_000)
    expect(sent.slice(0, 3)).toEqual([progress(1, 999), updated(7), changed])
    expect(leftOut(sent)).toBe(1_000)
    expect(sent).toHaveLength(4)
  })

  it("is silent once closed", () => {
    const { sent, pace } = paced(() => false)
    for (const each of [line(1), changed]) pace.tell(each)
    pace.close()
    vi.advanceTimersByTime(60_000)
    expect(sent).toEqual([])
  })

  it("never passes more than a hundred in a second, loses no state, and counts every line it leaves out", () => {
    const event = fc.oneof(
      fc.record({ after: fc.nat(300), what: fc.tuple(fc.nat(3), fc.nat()).map(([token, at]) => progress(token, at)) }),
      fc.record({ after: fc.nat(30), what: fc.nat(150).map(updated) }),
      fc.record({ after: fc.nat(10), what: fc.constant(changed) }),
      fc.record({ after: fc.nat(5), what: fc.nat().map(line) }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 800, size: "max" }), (events) => {
        const sent: { readonly at: number; readonly what: McpNotification }[] = []
        const now = { ms: 0 }
        const own = new Pace((what) => void sent.push({ at: now.ms, what }))
        const pass = (ms: number): void => {
          for (let each = 0; each < ms; each += 1) {
            now.ms += 1
            vi.advanceTimersByTime(1)
          }
        }
        for (const { after, what } of events) {
          pass(after % 7)
          own.tell(what)
        }
        pass(5_000)
        const told = sent.map(({ what }) => what)
        const lines = (all: readonly McpNotification[]) =>
          all.filter(({ params }) => typeof params["data"] === "number")
        const given = events.map(({ what }) => what)
        expect(lines(told).length + leftOut(told)).toBe(lines(given).length)
        for (const what of given) {
          const state = JSON.stringify([what.method, what.params["progressToken"], what.params["uri"]])
          const same = (other: McpNotification): boolean =>
            JSON.stringify([other.method, other.params["progressToken"], other.params["uri"]]) === state
          if (lines([what]).length === 0) expect(told.findLast(same)).toEqual(given.findLast(same))
        }
        // Windows begin with the first notification: two of them touch in any second, and each may add its count.
        for (const { at } of sent) {
          expect(sent.filter((other) => other.at >= at && other.at < at + 1_000).length).toBeLessThanOrEqual(202)
        }
      }),
      { numRuns: 30 },
    )
  })
})
