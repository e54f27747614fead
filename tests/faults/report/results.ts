/** The rig's results file: the findings of each figure, with how and when they were made. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { describeCommit, describeMachine, type Machine } from "../../../bench/lib/machine.ts"
import type { Finding } from "../rig/finding.ts"

export interface Section {
  readonly date: string
  readonly commit: string
  /** The options of the command, besides which figure. */
  readonly options: string
  readonly seconds: number
  readonly machine: Machine
  readonly findings: readonly Finding[]
}

export interface Results {
  readonly sections: Readonly<Record<string, Section>>
}

export const latestFile = path.resolve(import.meta.dirname, "../results/latest.json")

export function readResults(file: string): Results | undefined {
  if (!existsSync(file)) return undefined
  // The rig's own file.
  return JSON.parse(readFileSync(file, "utf8")) as Results
}

/** Writes the sections over those of the file. */
export function writeResults(file: string, sections: Results["sections"]): void {
  const kept = readResults(file)?.sections
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ sections: { ...kept, ...sections } }, undefined, 2)}\n`)
}

export function toSection({ options, seconds, findings }: Pick<Section, "options" | "seconds" | "findings">): Section {
  const date = new Date().toISOString().slice(0, 16).replace("T", " ")
  return { date: `${date} UTC`, commit: describeCommit(), options, seconds, machine: describeMachine(), findings }
}
