/** Every row of the fault model, in little time; all of it: `npm run test:faults`. */
import { expect, it } from "vitest"
import { expectMet, inLittleTime } from "./expectations.ts"
import { Oracle } from "./rig/oracle.ts"
import { runRows } from "./rows/runRows.ts"

it("the oracle sees what is lost, doubled, repeated or contradicted", () => {
  const oracle = new Oracle()
  const data = { server: "s", reason: "r", sent: "no", retryable: true, help: "h" }
  const result = (call: string) => ({ result: { content: [{ type: "text", text: `done ${call}` }] } })
  const error = { error: { code: -31001, message: "m", data } }
  const make = (safe: boolean, answers: number, end: (call: string) => object | undefined) => {
    const record = oracle.begin({ safe, named: true })
    record.answers = answers
    const member = end(record.call)
    if (member !== undefined) record.outcome = { call: record.call, ms: 1, at: 1, ...member }
    return record.call
  }
  const good = make(false, 1, result)
  const readTwice = make(true, 1, result)
  make(false, 1, () => error)
  const calls = {
    never: make(false, 0, () => undefined),
    lost: make(false, 0, () => ({ lost: "closed" })),
    doubled: make(false, 2, result),
    repeated: make(false, 1, result),
    foreign: make(false, 1, () => result("c999")),
    invented: make(false, 1, result),
    contradicted: make(false, 1, () => error),
    untyped: make(false, 1, () => ({ error: { code: -32603, message: "Internal error" } })),
  }
  const executed = [good, readTwice, readTwice, calls.doubled, calls.repeated, calls.repeated, calls.foreign]
  const lines = [...executed, calls.contradicted].map((call) => ({ at: 1, pid: 1, what: "executed", call }))
  const { violations, readAgain } = oracle.judge(lines, undefined)
  expect(readAgain).toBe(1)
  expect(violations.map((line) => line.split(":")[0])).toEqual(Object.values(calls))
})

it("every row of the fault model is looked at, or says why not", async () => {
  const findings = await inLittleTime(runRows)
  const ids = new Set(findings.map(({ id }) => id))
  for (let row = 1; row <= 54; row += 1) expect([...ids]).toContain(`F${row}`)
  expectMet(findings)
}, 600_000)
