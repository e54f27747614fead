/** The official suite, pinned: installs it, runs it, reads what it found. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { parse } from "yaml"
import { installPackage, nodeFor } from "../../bench/lib/installPackage.ts"
import { runToEnd } from "../../bench/lib/processes.ts"
import type { Requirements, Results, Revision, ScenarioResult } from "./types.ts"

export const suiteName = "@modelcontextprotocol/conformance"
export const suiteVersion = "0.2.0-alpha.12"

export interface ConformanceSuite {
  requirements(revision: Revision): Requirements
  /** Everything that a revision asks of servers, or one scenario of it, against a URL. */
  runServer(url: string, revision: Revision, scenario?: string): Promise<Results>
  /** One scenario that runs a client, whose command gets the URL of the scenario's server as its last argument. */
  runClient(command: string, revision: Revision, scenario: string): Promise<ScenarioResult>
}

export async function installSuite(): Promise<ConformanceSuite> {
  const folder = path.join(await installPackage(suiteName, suiteVersion), "node_modules", suiteName)
  const node = await nodeFor(22)
  const entry = path.join(folder, "dist/index.js")
  const run = async (
    mode: "server" | "client",
    args: readonly string[],
  ): Promise<{ results: Results; output: string }> => {
    const out = mkdtempSync(path.join(os.tmpdir(), "conformance-"))
    // A scenario that throws leaves no folder, and a suite that finds nothing no folder at all.
    mkdirSync(path.join(out, "checks"))
    const { output } = await runToEnd(node, [entry, mode, ...args, "--output-dir", path.join(out, "checks")], {
      cwd: out,
    })
    const results = readResults(path.join(out, "checks"), mode === "server" ? "server-" : "")
    rmSync(out, { recursive: true, force: true })
    return { results, output }
  }
  return {
    requirements: (revision) => readRequirements(path.join(folder, "requirements", `${revision}.yaml`)),
    async runServer(url, revision, scenario) {
      const what =
        scenario === undefined ? ["--requirements", revision] : ["--scenario", scenario, "--spec-version", revision]
      const { results, output } = await run("server", ["--url", url, ...what])
      if (results.size === 0) throw new Error(`The suite found nothing at ${url}: ${output}`)
      return results
    },
    async runClient(command, revision, scenario) {
      const args = ["--command", command, "--scenario", scenario, "--spec-version", revision]
      const { results, output } = await run("client", args)
      const result = results.get(scenario) ?? unfinished(scenario, output)
      const broken = /CLIENT (TIMED OUT|EXITED WITH ERROR)/.exec(output)?.[0]
      if (broken === undefined) return result
      return { ...result, total: result.total + 1, failed: [...result.failed, { id: "client", message: broken }] }
    },
  }
}

/** What stands for a scenario that the suite could not finish. */
export function unfinished(scenario: string, message: string): ScenarioResult {
  return { scenario, passed: 0, total: 1, failed: [{ id: "unfinished", message }] }
}

interface Check {
  readonly id: string
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO"
  readonly errorMessage?: string
}

/** Folders are called `[server-]<scenario>-<time>`; a scenario with a slash is a folder in a folder. */
function readResults(folder: string, prefix: string): Results {
  const results = new Map<string, ScenarioResult>()
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (path.basename(file) !== "checks.json") continue
    const name = path
      .dirname(file)
      .slice(prefix.length)
      .replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, "")
    results.set(name, toResult(name, JSON.parse(readFileSync(path.join(folder, file), "utf8"))))
  }
  return results
}

function toResult(scenario: string, checks: readonly Check[]): ScenarioResult {
  const passed = checks.filter(({ status }) => status === "SUCCESS").length
  const failed = checks
    .filter(({ status }) => status === "FAILURE" || status === "WARNING")
    .map(({ id, errorMessage }) => ({ id, message: errorMessage ?? "" }))
  return { scenario, passed, total: passed + failed.length, failed }
}

interface RequirementsFile {
  readonly server: readonly string[]
  readonly client: readonly string[]
  readonly not_scored: Requirements["notScored"]
}

function readRequirements(file: string): Requirements {
  // The suite's own file, at a fixed version.
  const { server, client, not_scored } = parse(readFileSync(file, "utf8")) as RequirementsFile
  return { server, client, notScored: not_scored }
}
