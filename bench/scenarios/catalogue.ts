/** Composing the catalogue of 5,000 tools over 100 servers: anew, and after one server's listing changed. */
import path from "node:path"
import { runToEnd } from "../lib/processes.ts"
import { toFigure } from "../lib/report.ts"
import type { Suite } from "../lib/suite.ts"

export interface CatalogueResults {
  readonly tools: number
  readonly servers: number
  readonly wholeMs: number
  readonly changedMs: number
}

const program = path.resolve(import.meta.dirname, "../programs/catalogue.mjs")

export async function runCatalogue(suite: Suite): Promise<CatalogueResults> {
  const { output, code } = await runToEnd(process.execPath, [program, "--rounds", String(suite.options.rounds * 3)])
  if (code !== 0) throw new Error(`the catalogue program ended with ${code}: ${output}`)
  const results = JSON.parse(output) as CatalogueResults
  suite.log(
    `catalogue of ${results.tools} tools over ${results.servers} servers: ${toFigure(results.wholeMs)} ms, after one changed ${toFigure(results.changedMs)} ms`,
  )
  return results
}
