/** The suite's smallest scenario end to end, so that it cannot rot: load, floors, host, figures, page. */
import { readFileSync } from "node:fs"
import path from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { fill } from "../../bench/lib/fill.ts"
import type { Results } from "../../bench/lib/results.ts"
import { openSuite } from "../../bench/lib/suite.ts"
import { chartsOf } from "../../bench/report/charts.ts"
import { tablesOf } from "../../bench/report/tables.ts"
import { type CallResults, runSmallest } from "../../bench/scenarios/calls.ts"

const lines: string[] = []
const suite = openSuite({ full: false, rounds: 1, seconds: 0.2, warmUp: 0.05 }, (line) => void lines.push(line))
afterAll(() => suite.close())

describe("the benchmark suite", () => {
  let calls: CallResults

  it("measures the host and its floors without a wrong answer", { timeout: 180_000 }, async () => {
    calls = await runSmallest(suite)
    expect(calls.failures).toEqual([])
    expect(calls.tables).toHaveLength(4)
    for (const { targets } of calls.tables) {
      expect(targets.map(({ target }) => target)).toEqual(["direct", "bare", "host"])
      for (const measured of targets) {
        expect(measured).toMatchObject({ errors: 0 })
        expect(measured.error).toBeUndefined()
        expect(measured.withoutProgress).toBeUndefined()
        expect(measured.callsPerSecond).toBeGreaterThan(0)
        expect(measured.ratios.p50).toBeGreaterThan(0)
        if (process.platform === "linux") expect(measured.cpuUsPerCall).toBeGreaterThan(0)
      }
    }
  })

  it("writes them into the page", () => {
    const machine = { cpu: "test", cores: 1, memoryGigabytes: 1, platform: "test", node: "v0.0.0" }
    const section = { date: "never", commit: "none", mode: "short", rounds: 1, seconds: 0.2, value: calls } as const
    const results: Results = { machine, sections: { calls: section } }
    const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/performance.md"), "utf8")
    expect(fill(page, tablesOf(results))).toContain("Stdio upstream, modern clients, 4 callers, 100 B, JSON")
    expect(Object.keys(chartsOf(results))).toHaveLength(3)
  })
})
