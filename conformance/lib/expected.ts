/**
 * Failures that are expected, from `expected-<revision>-<leg>.yml`, in the suite's own format: `server:` or `client:` with
 * a list of `scenario` or `scenario:check`. Every entry says on its line why the specification leaves no way.
 */
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { parse } from "yaml"
import type { Job, Results, ScenarioResult } from "./types.ts"

const folder = path.resolve(import.meta.dirname, "..")

export interface Verdict {
  /** `scenario` or `scenario:check`. */
  readonly unexpected: readonly string[]
  readonly expected: readonly string[]
  /** Entries of the file that pass now. */
  readonly stale: readonly string[]
}

export function loadExpected({ revision, leg }: Job): readonly string[] {
  const file = path.join(folder, `expected-${revision}-${leg}.yml`)
  if (!existsSync(file)) return []
  const text = readFileSync(file, "utf8")
  const bare = text.split("\n").find((line) => /^\s*-/.test(line) && !/#\s*\S/.test(line))
  if (bare !== undefined) throw new Error(`${file}: "${bare.trim()}" does not say why it is expected`)
  // What is no list of texts matches no scenario, and so is reported as stale.
  const sections = parse(text) as { readonly server?: readonly string[]; readonly client?: readonly string[] } | null
  return [...(sections?.server ?? []), ...(sections?.client ?? [])]
}

/** Only scenarios that were run and count are judged. */
export function judge(results: Results, scenarios: readonly string[], entries: readonly string[]): Verdict {
  const ran = scenarios.flatMap((scenario) => results.get(scenario) ?? [])
  const failures = ran.flatMap(failuresOf)
  const matches = (entry: string, failure: string): boolean => failure === entry || failure.startsWith(`${entry}:`)
  const isExpected = (failure: string): boolean => entries.some((entry) => matches(entry, failure))
  const names = new Set(ran.map(({ scenario }) => scenario))
  return {
    unexpected: failures.filter((failure) => !isExpected(failure)),
    expected: failures.filter(isExpected),
    stale: entries.filter(
      (entry) => names.has(scenarioOf(entry)) && !failures.some((failure) => matches(entry, failure)),
    ),
  }
}

function failuresOf({ scenario, failed }: ScenarioResult): readonly string[] {
  return [...new Set(failed.map(({ id }) => `${scenario}:${id}`))]
}

function scenarioOf(entry: string): string {
  return entry.split(":")[0] ?? entry
}
