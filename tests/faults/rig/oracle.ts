/** The oracle: what became of every call at the client, at the host's edge and at the upstream, and whether that is one end. */
import { setTimeout as delay } from "node:timers/promises"
import type { Json } from "../../e2e/testClient.ts"
import type { LogLine } from "./log.ts"

/** How one call ended for the client that made it. */
export interface Outcome {
  readonly call: string
  readonly result?: Json
  readonly error?: Json
  /** The connection ended, or the answer was none, before there was a result or an error. */
  readonly lost?: string
  readonly ms: number
  /** When it ended, as the clock of the machine says. */
  readonly at: number
}

export interface CallRecord {
  readonly call: string
  /** A read: it may be sent to the upstream again. */
  readonly safe: boolean
  /** Its result names the call. */
  readonly named: boolean
  /** The client went away before the end. */
  abandoned: boolean
  /** Messages with the id of the request that the client received. */
  answers: number
  outcome?: Outcome
}

/** The host's own codes, contract section 4. */
const hostCodes = { first: -31_008, last: -31_001 }

export class Oracle {
  readonly #calls = new Map<string, CallRecord>()
  #last = 0

  /** Registers a call before it is sent; its name goes with it all the way to the upstream. */
  begin({ safe, named }: Pick<CallRecord, "safe" | "named">): CallRecord {
    this.#last += 1
    const record: CallRecord = { call: `c${this.#last}`, safe, named, abandoned: false, answers: 0 }
    this.#calls.set(record.call, record)
    return record
  }

  get size(): number {
    return this.#calls.size
  }

  /** Messages a client received for a call. */
  answersTo(call: string): number {
    return this.#calls.get(call)?.answers ?? 0
  }

  /** Compares the three sides. `edge` is undefined where the client sits on the host's pipe: its records are the edge. */
  judge(upstream: readonly LogLine[], edge: readonly LogLine[] | undefined): Verdict {
    const executed = countCalls(upstream, "executed")
    const sides = edge === undefined ? undefined : { in: countCalls(edge, "in"), out: countCalls(edge, "out") }
    const verdict = emptyVerdict()
    for (const record of this.#calls.values()) {
      verdict.calls += 1
      const times = executed.get(record.call) ?? 0
      verdict.executions += times
      if (record.abandoned) continue
      judgeClient(record, verdict)
      judgeUpstream(record, times, verdict)
      if (sides !== undefined)
        judgeEdge(record, { in: sides.in.get(record.call), out: sides.out.get(record.call) }, verdict)
    }
    for (const call of executed.keys())
      if (/^c\d/.test(call) && !this.#calls.has(call)) verdict.violations.push(`${call}: executed, never made`)
    return verdict
  }
}

/** The verdict once there is nothing wrong: what the edge still holds back is on its way. Otherwise that after a while. */
export async function settledVerdict(judge: () => Verdict): Promise<Verdict> {
  const end = performance.now() + 20_000
  for (;;) {
    const verdict = judge()
    if (verdict.violations.length === 0 || performance.now() > end) return verdict
    await delay(200)
  }
}

export interface Verdict {
  calls: number
  results: number
  /** Typed errors of the host, by code and `sent`. */
  readonly errors: Map<string, number>
  executions: number
  /** Reads the upstream saw more than once. */
  readAgain: number
  /** What breaks the promise: lost, answered twice, executed twice, contradicted. */
  readonly violations: string[]
}

function emptyVerdict(): Verdict {
  return { calls: 0, results: 0, errors: new Map(), executions: 0, readAgain: 0, violations: [] }
}

function judgeClient({ call, named, answers, outcome }: CallRecord, verdict: Verdict): void {
  const wrong = (what: string): void => void verdict.violations.push(`${call}: ${what}`)
  if (outcome === undefined) return wrong("never ended")
  if (outcome.lost !== undefined) return wrong(`lost: ${outcome.lost}`)
  if (answers !== 1) wrong(`answered ${answers} times`)
  if (outcome.error !== undefined) {
    const problem = untyped(outcome.error)
    if (problem !== undefined) return wrong(`untyped error, ${problem}: ${JSON.stringify(outcome.error)}`)
    const kind = `${outcome.error["code"]} sent: ${outcome.error["data"].sent}`
    verdict.errors.set(kind, (verdict.errors.get(kind) ?? 0) + 1)
  } else {
    verdict.results += 1
    if (named && !JSON.stringify(outcome.result).includes(`done ${call}"`)) wrong("the result of another call")
  }
}

function judgeUpstream({ call, safe, outcome }: CallRecord, times: number, verdict: Verdict): void {
  const wrong = (what: string): void => void verdict.violations.push(`${call}: ${what}`)
  if (times > 1 && !safe) wrong(`executed ${times} times`)
  if (times > 1 && safe) verdict.readAgain += 1
  if (times === 0 && outcome?.result !== undefined) wrong("a result, and never executed")
  if (times > 0 && outcome?.error?.["data"]?.sent === "no") wrong("executed, and reported as not sent")
}

function judgeEdge(
  { call }: CallRecord,
  seen: { in: number | undefined; out: number | undefined },
  verdict: Verdict,
): void {
  if (seen.in !== 1) verdict.violations.push(`${call}: came ${seen.in ?? 0} times to the edge of the host`)
  if (seen.out !== 1) verdict.violations.push(`${call}: left the edge of the host ${seen.out ?? 0} times`)
}

/** Why an error is not one of the host's own as the contract gives them, or undefined. */
export function untyped({ code, message, data }: Json): string | undefined {
  if (typeof code !== "number" || code < hostCodes.first || code > hostCodes.last) return `code ${code}`
  if (typeof message !== "string" || message === "") return "no message"
  if (typeof data?.server !== "string") return "no data.server"
  if (typeof data.reason !== "string" || data.reason === "") return "no data.reason"
  if (data.sent !== "no" && data.sent !== "maybe") return `data.sent ${data.sent}`
  if (typeof data.retryable !== "boolean") return "no data.retryable"
  return typeof data.help === "string" ? undefined : "no data.help"
}

function countCalls(lines: readonly LogLine[], what: string): Map<string, number> {
  const times = new Map<string, number>()
  for (const line of lines)
    if (line.what === what && line.call !== undefined) times.set(line.call, (times.get(line.call) ?? 0) + 1)
  return times
}

/** A verdict in one line. */
export function sayVerdict({ calls, results, errors, executions, readAgain, violations }: Verdict): string {
  const ends = [`${results} results`, ...[...errors].map(([kind, times]) => `${times} × ${kind}`)].join(", ")
  const wrong = violations.length === 0 ? "no" : `${violations.length} (${violations.slice(0, 3).join("; ")})`
  return `${calls} calls: ${ends}; ${executions} executions, ${readAgain} reads repeated; violations: ${wrong}`
}
