/** Writes the generated parts of docs/performance.md, between their markers, and the charts beside it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fill } from "../lib/fill.ts"
import type { Results } from "../lib/results.ts"
import { chartsOf } from "./charts.ts"
import { tablesOf } from "./tables.ts"

const docs = path.resolve(import.meta.dirname, "../../docs")

/** Returns the files written. */
export function writeDocumentation(results: Results): readonly string[] {
  const page = path.join(docs, "performance.md")
  writeFileSync(page, fill(readFileSync(page, "utf8"), tablesOf(results)))
  const folder = path.join(docs, "performance")
  mkdirSync(folder, { recursive: true })
  const charts = Object.entries(chartsOf(results)).map(([name, svg]) => {
    writeFileSync(path.join(folder, name), svg)
    return `docs/performance/${name}`
  })
  return ["docs/performance.md", ...charts]
}
