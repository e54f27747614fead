/** What the rig finds out, and how much it does for it. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import type { Outcome } from "./oracle.ts"
import { untyped } from "./oracle.ts"

/** One required behaviour and what was observed of it. */
export interface Finding {
  /** A row of the fault model, or the name of a figure. */
  readonly id: string
  readonly fault: string
  /** Transport of the upstream or of the client. */
  readonly where: string
  readonly required: string
  readonly observed: string
  /** `later`: what the row is about is not built; `observed` says so. */
  readonly verdict: "met" | "not met" | "later"
}

export interface Run {
  readonly full: boolean
  /**
   * Whether the promised figures decide. Without, as in `npm test`, times are printed only: machines stand still for
   * seconds. What decides then is what happened, and memory by bounds far from both outcomes.
   */
  readonly strict: boolean
  readonly soakMs: number
  /** Goes with the run. */
  readonly folder: string
  print(line: string): void
  /** A bound as it is checked here, in milliseconds: the promised one, or how long to wait for what has to come at all. */
  within(ms: number): number
}

const patienceMs = 60_000

export function createRun(options: Pick<Run, "full" | "strict" | "soakMs" | "print">): Run & { close(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), "mcp-host-faults-"))
  const within = (ms: number): number => (options.strict ? ms : Math.max(ms, patienceMs))
  return { ...options, folder, within, close: () => rmSync(folder, { recursive: true, force: true }) }
}

export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

/** The host's own codes by the names of the contract. */
export const codes = {
  UNAVAILABLE: -31001,
  TIMEOUT: -31002,
  PROTOCOL: -31003,
  LIMIT: -31004,
  AUTH: -31005,
  BUSY: -31006,
  DRAINING: -31007,
} as const

/** What an outcome was, in a few words. */
export function said({ result, error, lost, ms }: Outcome): string {
  const time = `${Math.round(ms)} ms`
  if (lost !== undefined) return `lost after ${time}: ${lost}`
  if (result !== undefined) return `result after ${time}`
  const { code, message, data } = error ?? {}
  return `${code}${data?.sent === undefined ? "" : ` sent: ${data.sent}`} after ${time} (${String(data?.reason ?? message).slice(0, 80)})`
}

/** The outcome is this error of the host, with all of its data. */
export function mustFail(
  outcome: Outcome,
  name: keyof typeof codes,
  { sent, server }: { readonly sent?: "no" | "maybe"; readonly server?: string } = {},
): void {
  const { error } = outcome
  must(error?.["code"] === codes[name], `wanted ${name}, got ${said(outcome)}`)
  const problem = untyped(error ?? {})
  must(problem === undefined, `${name} without its data: ${problem}`)
  if (sent !== undefined) must(error?.["data"].sent === sent, `wanted sent: ${sent}, got ${said(outcome)}`)
  if (server !== undefined) must(error?.["data"].server === server, `names server ${error?.["data"].server}`)
}

export function mustSucceed(outcome: Outcome): void {
  must(
    JSON.stringify(outcome.result ?? "").includes(`done ${outcome.call}"`),
    `wanted its result, got ${said(outcome)}`,
  )
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
