/** The figures of docs/reliability.md in little time; at full size: `npm run test:faults -- --full`. */
import { afterAll, describe, it } from "vitest"
import { closeAll } from "../e2e/rig.ts"
import { expectMet } from "./expectations.ts"
import { figures } from "./figures/figures.ts"
import { createRun } from "./rig/finding.ts"

const run = createRun({ full: false, strict: false, soakMs: 4_000, print: () => undefined })
afterAll(async () => {
  await closeAll()
  run.close()
})

describe.skipIf(process.platform !== "linux")("the promised figures", () => {
  // The rows have a file of their own.
  const { rows: _rows, ...others } = figures
  it.each(Object.entries(others))("%s", async (_name, figure) => expectMet(await figure(run)), 600_000)
})
