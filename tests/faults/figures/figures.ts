/** The figures by name, in the order of the page. */
import type { Finding, Run } from "../rig/finding.ts"
import { runRows } from "../rows/runRows.ts"
import { drain } from "./drain.ts"
import { flood } from "./floods.ts"
import { hung } from "./hung.ts"
import { killHost } from "./killHost.ts"
import { killUpstream } from "./killUpstream.ts"
import { soak } from "./soak.ts"

export const figures: Readonly<Record<string, (run: Run) => Promise<readonly Finding[]>>> = {
  rows: (run) => runRows(run),
  "kill-upstream": killUpstream,
  hung,
  "kill-host": killHost,
  drain,
  floods: (run) => flood(run),
  soak,
}
