/** The results file: one section per scenario, each with how and when it was measured. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import type { BesideResults } from "../scenarios/beside.ts"
import type { CallResults } from "../scenarios/calls.ts"
import type { CatalogueResults } from "../scenarios/catalogue.ts"
import type { ChainResults } from "../scenarios/chain.ts"
import type { StartResults } from "../scenarios/coldStart.ts"
import type { CommandResults } from "../scenarios/commands.ts"
import type { CrossingResults } from "../scenarios/crossing.ts"
import type { ListResults } from "../scenarios/lists.ts"
import type { MemoryResults } from "../scenarios/memory.ts"
import type { ReloadResults } from "../scenarios/reload.ts"
import { describeCommit, describeMachine, type Machine } from "./machine.ts"
import type { SuiteOptions } from "./suite.ts"

export interface Sections {
  readonly calls?: Section<CallResults>
  /** Measured when it is asked for, or all is. */
  readonly matrix?: Section<CallResults>
  readonly lists?: Section<ListResults>
  readonly start?: Section<StartResults>
  readonly beside?: Section<BesideResults>
  readonly memory?: Section<MemoryResults>
  readonly commands?: Section<CommandResults>
  readonly catalogue?: Section<CatalogueResults>
  readonly reload?: Section<ReloadResults>
  readonly crossing?: Section<CrossingResults>
  readonly chain?: Section<ChainResults>
}

export interface Section<T> {
  readonly date: string
  readonly commit: string
  readonly mode: "short" | "full"
  readonly rounds: number
  readonly seconds: number
  readonly value: T
}

export interface Results {
  readonly machine: Machine
  readonly sections: Sections
}

export const latestFile = path.resolve(import.meta.dirname, "../results/latest.json")

export function readResults(file: string): Results | undefined {
  if (!existsSync(file)) return undefined
  // The suite's own file.
  return JSON.parse(readFileSync(file, "utf8")) as Results
}

/** Writes the sections over those of the file; sections of other machines go. */
export function writeResults(file: string, sections: Sections): Results {
  const machine = describeMachine()
  const before = readResults(file)
  const kept = before !== undefined && JSON.stringify(before.machine) === JSON.stringify(machine) ? before.sections : {}
  const results: Results = { machine, sections: { ...kept, ...sections } }
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, rounded, 2)}\n`)
  return results
}

export function toSection<T>({ full, rounds, seconds }: SuiteOptions, value: T): Section<T> {
  const date = new Date().toISOString().slice(0, 16).replace("T", " ")
  return { date: `${date} UTC`, commit: describeCommit(), mode: full ? "full" : "short", rounds, seconds, value }
}

/** Five significant figures are more than any of these has. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
}
