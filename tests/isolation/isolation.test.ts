/** The isolation rig, small; the whole one is `npm run test:isolation`. */
import { afterAll, expect, it } from "vitest"
import { closeAll } from "../e2e/rig.ts"
import { canaryOf, newFindings, search } from "./canaries.ts"
import { runLoad } from "./load.ts"

afterAll(closeAll, 30_000)

it("what belongs to another client or another call is found", () => {
  const findings = newFindings()
  for (const canary of [canaryOf(4, 7), canaryOf(3, 7), canaryOf(4, 6)])
    search(findings, JSON.stringify({ data: `log ${canary}` }), { client: 4, call: 7 })
  expect(findings).toMatchObject({ messages: 3, misplaced: 1 })
  expect(findings.foreign).toEqual(['client 4 received canary-3-7: {"data":"log canary-3-7"}'])
})

it("forty clients of both generations receive nothing but their own", async () => {
  const figures = await runLoad({ clients: 40, calls: 2_000, stdioClients: 4 })
  expect(figures.foreign).toEqual([])
  expect(Object.fromEntries(figures.failed)).toEqual({})
  expect(figures).toMatchObject({ calls: 2_000, good: 2_000, questions: 4_000 })
  expect(Math.min(figures.progress, figures.logs, figures.updates)).toBeGreaterThan(0)
})
