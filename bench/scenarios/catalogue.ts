/**
 * The catalogue of 5,000 tools over 100 servers: composed anew, composed again after one server's listing changed, and as a
 * whole host makes it when one of its servers announces a change.
 */
import { runProgram } from "../lib/program.ts"
import { toFigure } from "../lib/report.ts"
import type { Suite } from "../lib/suite.ts"

export interface CatalogueResults {
  readonly tools: number
  readonly servers: number
  readonly wholeMs: number
  readonly changedMs: number
  /** In a host, from a server's new list to the catalogue that a client sees. */
  readonly rebuildMs?: number
  /** Servers that were listed again because one changed. */
  readonly relisted?: number
}

export async function runCatalogue(suite: Suite): Promise<CatalogueResults> {
  const { rounds } = suite.options
  const composed = await run<CatalogueResults>("catalogue.mjs", ["--rounds", String(rounds * 3)])
  const host = await run<Required<Pick<CatalogueResults, "rebuildMs" | "relisted">>>("relist.mjs", [
    ...["--rounds", String(rounds)],
    ...["--folder", suite.folder],
  ])
  const results = { ...composed, ...host }
  suite.log(
    `catalogue of ${results.tools} tools over ${results.servers} servers: ${toFigure(results.wholeMs)} ms, after one changed ${toFigure(results.changedMs)} ms, in a host ${toFigure(results.rebuildMs)} ms with ${results.relisted} listed again`,
  )
  return results
}

async function run<T>(program: string, args: readonly string[]): Promise<T> {
  return JSON.parse(await runProgram(program, args)) as T
}
