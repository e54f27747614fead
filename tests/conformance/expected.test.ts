/** Which failures of a conformance run are expected, and which entries say so in vain. */
import { describe, expect, it } from "vitest"
import { judge, loadExpected } from "../../conformance/lib/expected.ts"
import { legs, type ScenarioResult } from "../../conformance/lib/types.ts"

const results = new Map([scenario("good"), scenario("bad", "a", "b", "b"), scenario("extra", "a")])
const scenarios = ["good", "bad"]

describe("judge", () => {
  it("takes every failure of a scenario that counts as unexpected", () => {
    expect(judge(results, scenarios, [])).toEqual({ unexpected: ["bad:a", "bad:b"], expected: [], stale: [] })
  })

  it("takes a whole scenario or one check as expected", () => {
    expect(judge(results, scenarios, ["bad"])).toMatchObject({ unexpected: [], expected: ["bad:a", "bad:b"] })
    expect(judge(results, scenarios, ["bad:b"])).toMatchObject({ unexpected: ["bad:a"], expected: ["bad:b"] })
  })

  it("reports entries that pass, unless their scenario was not run", () => {
    const entries = ["good", "bad:c", "good:a", "elsewhere", "elsewhere:a"]
    expect(judge(results, scenarios, entries).stale).toEqual(["good", "bad:c", "good:a"])
  })
})

describe("the expected failures", () => {
  it("are in the crossings only, and each has its reason", () => {
    for (const leg of legs) {
      for (const revision of ["2025-11-25", "2026-07-28"] as const) {
        const entries = loadExpected({ revision, leg })
        if (leg !== "crossing") expect(entries).toEqual([])
        for (const entry of entries) expect(entry).toMatch(/^[\w-]+:[\w-]+$/)
      }
    }
  })
})

function scenario(name: string, ...failures: string[]): [string, ScenarioResult] {
  const failed = failures.map((id) => ({ id, message: "" }))
  return [name, { scenario: name, passed: 1, total: 1 + failed.length, failed }]
}
