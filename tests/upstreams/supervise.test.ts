/** How often a process is started that keeps ending: the limit of a minute holds whatever each attempt starts. */
import fc from "fast-check"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import type { LiveSession } from "../../src/upstreams/liveSession.ts"
import { Supervisor } from "../../src/upstreams/supervise.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** One attempt: the processes it would start, how long it takes, and how long its session lasts if it gets one. */
interface Attempt {
  readonly wants: number
  readonly takesMs: number
  readonly livesMs: number | undefined
}

const attempts = fc.array(
  fc.record<Attempt>({
    wants: fc.integer({ min: 1, max: 2 }),
    takesMs: fc.integer({ min: 1, max: 1_500 }),
    livesMs: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 12 },
)
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

/** When processes were started in three minutes, while somebody asks for the server every now and then. */
async function starts(plan: readonly Attempt[], askedEveryMs: number): Promise<readonly number[]> {
  const started: number[] = []
  const lives = new Map<LiveSession, number>()
  const closing = new AbortController()
  let made = 0
  const supervisor = new Supervisor({
    async attempt(most) {
      const { wants, takesMs, livesMs } = plan[made++ % plan.length] as Attempt
      const count = Math.min(wants, most)
      for (let left = count; left > 0; left -= 1) {
        started.push(performance.now())
        await pause(takesMs)
      }
      if (livesMs === undefined) throw new Error("its process exited with code 1")
      const live = { closedByHost: false } as LiveSession
      lives.set(live, livesMs)
      return live
    },
    ended: (live) => pause(lives.get(live) ?? 0),
    failed: () => undefined,
    begun: () => started.length,
    isProcess: true,
    signal: closing.signal,
  })
  const running = supervisor.run()
  const asking = setInterval(() => supervisor.wake(), askedEveryMs)
  await vi.advanceTimersByTimeAsync(180_000)
  clearInterval(asking)
  closing.abort()
  await vi.advanceTimersByTimeAsync(10_000)
  await running
  return started
}

it("starts a process five times a minute at most, and again when the minute is over", async () => {
  const asked = fc.integer({ min: 50, max: 20_000 })
  await fc.assert(
    fc.asyncProperty(attempts, asked, async (plan, askedEveryMs) => {
      const times = await starts(plan, askedEveryMs)
      for (const from of times) expect(times.filter((at) => at >= from && at - from < 60_000).length).toBeLessThan(6)
      expect(times.at(-1)).toBeGreaterThan((times[0] ?? 0) + 100_000)
    }),
    { numRuns: 60 },
  )
}, 30_000)
