/** What is left when a process that has children is killed: nothing, however they resist. */
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import { closeAll, closers, linesOf } from "../fixtures/harness.ts"
import { fixtures, isAlive, soon, temporaryFolder } from "./support.ts"

afterEach(closeAll)

const root = path.resolve(import.meta.dirname, "../..")
const stubborn = path.join(fixtures, "servers/stubborn.mjs")

/** A process that starts stubborn children as the host does, then does what `then` says. */
async function host(children: number, then = ""): Promise<{ parent: ChildProcess; pids: number[] }> {
  const file = path.join(await temporaryFolder(), "pids")
  const source = `
    import { startChild, endChild } from ${JSON.stringify(path.join(root, "src/upstreams/processGroup.ts"))}
    const env = { ...process.env, PID_FILE: ${JSON.stringify(file)}, STUBBORN_MS: "120000" }
    const started = Array.from({ length: ${children} }, () =>
      startChild({ command: process.execPath, args: [${JSON.stringify(stubborn)}], cwd: ${JSON.stringify(root)}, env }))
    setInterval(() => undefined, 1_000)
    process.stdin.once("data", async () => { ${then} })`
  const args = ["--import", "tsx", "--input-type=module", "-e", source]
  const parent = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "inherit"], cwd: root })
  closers.push(() => parent.kill("SIGKILL"))
  await vi.waitFor(async () => expect(await linesOf(file)).toHaveLength(children), { timeout: 60_000, interval: 20 })
  const pids = (await linesOf(file)).flatMap(({ pid, grandchild }) => [pid as number, grandchild as number])
  closers.push(() => pids.filter(isAlive).forEach((pid) => void process.kill(pid, "SIGKILL")))
  return { parent, pids }
}

/** The reaper of a process: the shell among its children. */
function reaperOf(parent: ChildProcess): number {
  const children = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, "utf8").trim().split(" ").map(Number)
  const reaper = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("trap '' HUP"))
  expect(reaper).toBeDefined()
  return reaper as number
}

const alive = (pids: readonly number[]): number[] => pids.filter(isAlive)

describe.skipIf(process.platform !== "linux")("the reaper", () => {
  it("ends every group soon after a kill -9, those that ignore SIGTERM and their grandchildren, and itself", async () => {
    const { parent, pids } = await host(2)
    expect(alive(pids)).toHaveLength(4)
    const reaper = reaperOf(parent)
    parent.kill("SIGKILL")
    // By themselves they would live on for two minutes.
    await vi.waitFor(() => expect(alive([...pids, reaper])).toEqual([]), soon)
  })

  it("ends groups when it is told to end with the host's group", async () => {
    const { parent, pids } = await host(1)
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.kill(reaperOf(parent), signal)
    parent.kill("SIGKILL")
    await vi.waitFor(() => expect(alive(pids)).toEqual([]), soon)
  })

  it("is started anew when it was killed itself, and knows every group", async () => {
    const { parent, pids } = await host(1)
    const first = reaperOf(parent)
    await delay(1_100)
    process.kill(first, "SIGKILL")
    await vi.waitFor(() => expect(isAlive(first)).toBe(false), soon)
    await vi.waitFor(() => expect(reaperOf(parent)).not.toBe(first), soon)
    parent.kill("SIGKILL")
    await vi.waitFor(() => expect(alive(pids)).toEqual([]), soon)
  })

  it("does not touch a group that has ended", async () => {
    const { parent, pids } = await host(2, "await endChild(started[0])")
    parent.stdin?.write("go\n")
    await vi.waitFor(() => expect(alive(pids)).toHaveLength(2), soon)
    const [left] = alive(pids)
    // Number of a group that it no longer knows: whoever has it now must live on.
    expect(left).toBeDefined()
    parent.kill("SIGKILL")
    await vi.waitFor(() => expect(alive(pids)).toEqual([]), soon)
  })
})
