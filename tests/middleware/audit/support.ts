/** Audit logs in folders that are gone after the test. */
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { toAuditKey } from "../../../src/middleware/audit/line.ts"
import { AuditLog, type LogSettings } from "../../../src/middleware/audit/log.ts"
import { closers, folderOf } from "../files.ts"

export const keys = ["k".repeat(40), "l".repeat(40)].map(toAuditKey)

export async function logFile(): Promise<string> {
  return path.join(await folderOf({}), "audit.jsonl")
}

export interface OpenedLog {
  readonly log: AuditLog
  readonly reports: (string | undefined)[]
}

export function openLog(file: string, settings: Partial<LogSettings> = {}): OpenedLog {
  const reports: (string | undefined)[] = []
  const log = new AuditLog(file, {
    ...{ key: undefined, previousKeys: [], maxBytes: 2 ** 26, maxAgeMs: undefined, keep: 100, sync: false },
    report: (failure) => reports.push(failure),
    ...settings,
  })
  closers.push(() => log.close())
  return { log, reports }
}

/** A log with so many requests, closed. */
export async function written(file: string, count: number, settings: Partial<LogSettings> = {}): Promise<void> {
  const { log } = openLog(file, settings)
  for (let n = 1; n <= count; n += 1) await log.append({ method: "tools/call", n })
  await log.close()
}

export async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, "utf8")).split("\n").slice(0, -1)
}

export async function rewrite(file: string, change: (lines: string[]) => string[]): Promise<void> {
  await writeFile(
    file,
    change(await linesOf(file))
      .map((line) => `${line}\n`)
      .join(""),
  )
}
