/** The figures of docs/reliability.md in little time; at full size: `npm run test:faults -- --full`. */
import { describe, it } from "vitest"
import { expectMet, inLittleTime } from "./expectations.ts"
import { figures } from "./figures/figures.ts"

describe.skipIf(process.platform !== "linux")("the promised figures", () => {
  // The rows have a file of their own.
  const { rows: _rows, ...others } = figures
  it.each(Object.entries(others))("%s", async (_name, figure) => expectMet(await inLittleTime(figure)), 600_000)
})
