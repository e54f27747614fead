/** One column of the table: starts what the leg needs, lets the suite run against it, and ends it. */
import path from "node:path"
import { type Eras, startHost, startServer, type UpstreamTransport } from "./launch.ts"
import { type ConformanceSuite, unfinished } from "./suite.ts"
import type { Job, Results, Revision, ScenarioResult } from "./types.ts"

export interface JobOptions {
  readonly upstream: UpstreamTransport
  /** Runs this one only. */
  readonly scenario?: string
}

export interface Scenarios {
  readonly required: readonly string[]
  /** Run for what they show, with the suite's reason for not requiring them. */
  readonly notScored: ReadonlyMap<string, string>
}

const own: Readonly<Record<Revision, Eras>> = { "2025-11-25": "legacy", "2026-07-28": "modern" }
const other: Readonly<Record<Revision, Eras>> = { "2025-11-25": "modern", "2026-07-28": "legacy" }

/** What a job is about. Clients' `auth/*` is left out: the host does no OAuth towards servers yet. */
export function scenariosOf(suite: ConformanceSuite, { revision, leg }: Job): Scenarios {
  const { server, client, notScored } = suite.requirements(revision)
  const side = leg === "client" ? "client" : "server"
  const isWanted = (name: string): boolean => !name.startsWith("auth/")
  return {
    required: (side === "client" ? client : server).filter(isWanted),
    notScored: new Map(
      notScored
        .filter((entry) => entry.leg === side && isWanted(entry.scenario))
        .map(({ scenario, reason }) => [scenario, reason]),
    ),
  }
}

export async function runJob(suite: ConformanceSuite, job: Job, options: JobOptions): Promise<Results> {
  const { revision, leg } = job
  const { required, notScored } = scenariosOf(suite, job)
  if (leg === "client") {
    return runClients(suite, revision, options.scenario ? [options.scenario] : [...required, ...notScored.keys()])
  }
  const target =
    leg === "direct"
      ? await startServer(own[revision])
      : await startHost(leg === "same" ? own[revision] : other[revision], options.upstream)
  try {
    const results = await suite.runServer(target.url, revision, options.scenario)
    const missing = (options.scenario ? [options.scenario] : required).filter((name) => !results.has(name))
    return new Map([...results, ...missing.map((name) => [name, unfinished(name, "It threw.")] as const)])
  } finally {
    await target.stop()
  }
}

async function runClients(suite: ConformanceSuite, revision: Revision, scenarios: readonly string[]): Promise<Results> {
  const entry = path.resolve(import.meta.dirname, "../client/main.ts")
  // A shell reads it.
  const command = [process.execPath, "--import", import.meta.resolve("tsx"), entry].map((part) => `"${part}"`).join(" ")
  const results = new Map<string, ScenarioResult>()
  for (const name of scenarios) results.set(name, await suite.runClient(command, revision, name))
  return results
}
