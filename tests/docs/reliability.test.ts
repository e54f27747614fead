import { expect, it } from "vitest"
import { fill } from "../../bench/lib/fill.ts"
import { partsOf } from "../faults/report/page.ts"
import { latestFile, readResults } from "../faults/report/results.ts"
import { pageOf } from "./support.ts"

it("docs/reliability.md has the tables of the last results (npm run test:faults -- --report)", () => {
  const results = readResults(latestFile)
  const { text } = pageOf("docs/reliability.md")
  expect(results).toBeDefined()
  if (results !== undefined) expect(text).toBe(fill(text, partsOf(results)))
})

it("docs/reliability.md has every row of the fault model", () => {
  const { text } = pageOf("docs/reliability.md")
  for (let row = 1; row <= 54; row += 1) expect(text).toContain(`| F${row} |`)
})
