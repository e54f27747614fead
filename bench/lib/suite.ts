/** What every scenario gets. */
import { mkdtempSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { type Load, startLoad } from "./load.ts"
import { stopAll } from "./processes.ts"
import type { TargetName } from "./targets.ts"

export interface SuiteOptions {
  /** The whole matrix and the large counts. */
  readonly full: boolean
  readonly rounds: number
  readonly seconds: number
  readonly warmUp: number
  /** How long a window may become where answers are slow, in seconds; 10 unless said. */
  readonly longest?: number
  /** False: no round before those that count, at each point. */
  readonly warmRound?: boolean
  /** Only these targets, when given. */
  readonly targets?: readonly TargetName[]
}

export interface Suite {
  readonly options: SuiteOptions
  readonly load: Load
  /** A temporary folder that goes with the suite. */
  readonly folder: string
  log(line: string): void
  /** Keeps what a long scenario has measured so far, should it be interrupted. */
  keep(results: unknown): void
  close(): void
}

export function openSuite(
  options: SuiteOptions,
  log: (line: string) => void,
  keep: (results: unknown) => void = () => undefined,
): Suite {
  const load = startLoad()
  const folder = mkdtempSync(path.join(os.tmpdir(), "mcp-host-bench-run-"))
  return {
    options,
    load,
    folder,
    log,
    keep,
    close() {
      load.stop()
      stopAll()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
