/** Runs figures in little time, and compares what was found with what is known not to hold. */
import { expect } from "vitest"
import { closeAll } from "../e2e/rig.ts"
import { known } from "./known.ts"
import { createRun, type Finding, type Run } from "./rig/finding.ts"

const nameOf = ({ id, where, fault }: Finding): string => `${id}, ${where}: ${fault}`

/** A figure in a run of its own: where a test is repeated, the logs of the attempt before would count as its own. */
export async function inLittleTime(figure: (run: Run) => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  const run = createRun({ full: false, strict: false, soakMs: 4_000, print: () => undefined })
  try {
    return await figure(run)
  } finally {
    await closeAll()
    run.close()
  }
}

/** Nothing fails but what is known to; what is known to fail, fails. */
export function expectMet(findings: readonly Finding[]): void {
  const unmet = findings.filter(({ verdict }) => verdict === "not met")
  const unexpected = unmet.filter((finding) => !(nameOf(finding) in known))
  expect(unexpected.map((finding) => `${nameOf(finding)}: ${finding.observed}`)).toEqual([])
  const failing = new Set(unmet.map(nameOf))
  const ran = new Set(findings.map(nameOf))
  expect(Object.keys(known).filter((name) => ran.has(name) && !failing.has(name))).toEqual([])
}
