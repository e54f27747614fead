/**
 * Kills processes that write an audit log, one after another, at random points; looks after each kill whether the log is
 * whole, and whether every line that was confirmed is there, once.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as delay } from "node:timers/promises"
import { filesOf } from "../../../../src/middleware/audit/files.ts"
import { toAuditKey } from "../../../../src/middleware/audit/line.ts"
import { type Verified, verifyLog } from "../../../../src/middleware/audit/verify.ts"

const root = path.resolve(import.meta.dirname, "../../../..")

export interface KillReport {
  readonly confirmed: number
  readonly torn: number
  readonly verified: Verified
}

/** `built`: runs what is built, which starts faster. Throws what is wrong. */
export async function killWriters(
  file: string,
  { kills, built = false }: { readonly kills: number; readonly built?: boolean },
): Promise<KillReport> {
  const confirmed: string[] = []
  for (let kill = 1; kill <= kills; kill += 1) {
    const loader = built ? [] : ["--import", "tsx"]
    const code = path.join(root, built ? "dist" : "src")
    const args = [...loader, path.join(import.meta.dirname, "writer.mjs"), code, built ? "js" : "ts", file, `w${kill}`]
    const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], cwd: root })
    const ended = once(writer, "close")
    let begin = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const reading = (async () => {
      for await (const line of createInterface({ input: writer.stdout })) {
        begin()
        if (line.startsWith("failed")) throw new Error(line)
        // A line that the kill cut off says nothing.
        if (/^w\d+-\d+$/.test(line)) confirmed.push(line)
      }
    })()
    await Promise.race([begun, ended])
    await delay(Math.random() * 120)
    writer.kill("SIGKILL")
    await ended
    await reading
    const { broken } = await verifyLog(file, [toAuditKey("k".repeat(40))])
    if (broken !== undefined) throw new Error(`after kill ${kill}: ${JSON.stringify(broken)}`)
  }
  return check(file, confirmed)
}

async function check(file: string, confirmed: readonly string[]): Promise<KillReport> {
  const counts = new Map<string, number>()
  let torn = 0
  for (const each of await filesOf(file)) {
    const text = await readFile(each.path, "utf8")
    for (const [, id = ""] of text.matchAll(/"id":"(w\d+-\d+)","filling":"x+","prev"/g))
      counts.set(id, (counts.get(id) ?? 0) + 1)
    torn += text.split('"torn":').length - 1
  }
  const twice = [...counts].filter(([, count]) => count > 1)
  if (twice.length > 0) throw new Error(`written twice: ${twice.slice(0, 5).join(" ")}`)
  // The last of what was confirmed may be a number that was cut.
  const lost = confirmed.filter((id) => !counts.has(id))
  if (lost.length > 0) throw new Error(`confirmed and not there: ${lost.slice(0, 5).join(" ")}`)
  return { confirmed: confirmed.length, torn, verified: await verifyLog(file, [toAuditKey("k".repeat(40))]) }
}
