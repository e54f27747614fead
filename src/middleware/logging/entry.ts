/** What `logging` says of a request, and how: as an object to pino, or as a line of JSON that is put together at once. */

import { writerOf } from "../../telemetry/lines.ts"
import type { FactLogger } from "../../telemetry/types.ts"
import { toFields } from "./fields.ts"

/** In the order in which they are written; what is undefined is left out. */
export type Entry = {
  readonly request: string
  readonly trace: string | undefined
  readonly method: string
  readonly name: string | undefined
  readonly upstream: string | undefined
  readonly client: string | undefined
  readonly outcome: "ok" | "failed" | "error" | "cancelled"
  readonly ms: number
  readonly in: number | undefined
  readonly params: string | undefined
  readonly code: number | undefined
  readonly out: number | undefined
  readonly result: string | undefined
}

/** Writes entries of a level; both ways write the same. */
export function createWriter(logger: FactLogger, level: "debug" | "info"): (entry: Entry) => void {
  const write = writerOf(logger, level)
  if (write !== undefined) return (entry) => write(toFields(entry))
  return (entry) => {
    const { method, name, outcome, ms } = entry
    const what = name === undefined ? method : `${method} ${name}`
    logger[level](`${what}: ${outcome} in ${ms} ms`, entry)
  }
}
