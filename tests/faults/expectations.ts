/** Compares what was found with what is known not to hold. */
import { expect } from "vitest"
import { known } from "./known.ts"
import type { Finding } from "./rig/finding.ts"

const nameOf = ({ id, where, fault }: Finding): string => `${id}, ${where}: ${fault}`

/** Nothing fails but what is known to; what is known to fail, fails. */
export function expectMet(findings: readonly Finding[]): void {
  const unmet = findings.filter(({ verdict }) => verdict === "not met")
  const unexpected = unmet.filter((finding) => !(nameOf(finding) in known))
  expect(unexpected.map((finding) => `${nameOf(finding)}: ${finding.observed}`)).toEqual([])
  const failing = new Set(unmet.map(nameOf))
  const ran = new Set(findings.map(nameOf))
  expect(Object.keys(known).filter((name) => ran.has(name) && !failing.has(name))).toEqual([])
}
