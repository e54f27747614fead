/** `run` with nothing but a profile starts nothing that the profile does not show, and follows its edits. */
import { writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { stringify } from "yaml"
import type { JsonObject } from "../../src/protocol/json.ts"
import { openSession, request, send } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import {
  allGone,
  cleanUp,
  cli,
  pidsIn,
  project,
  type Running,
  served,
  start,
  startHttp,
  stdioServer,
} from "./support.ts"

afterEach(async () => {
  await closeAll()
  cleanUp()
})

const keys = ["shown", "hidden", "needed", "team"] as const

interface Bench {
  readonly folder: string
  /** The processes that each server has run as. */
  pids(key: (typeof keys)[number]): number[]
  edit(shown: readonly string[]): void
}

/** Four servers, one of them inside a manifest, of which the profile `one` shows some. */
function bench(shown: readonly string[]): Bench {
  const folder = project("")
  const at = (key: string): string => path.join(folder, `${key}.pids`)
  const server = (key: string, more: object = {}): object =>
    stdioServer(
      "v1-stdio.mjs",
      { PID_FILE: at(key) },
      { tools: { include: ["echo"] }, resources: { exclude: ["*"] }, ...more },
    )
  const write = (name: string, manifest: object): void => writeFileSync(path.join(folder, name), stringify(manifest))
  const edit = (servers: readonly string[]): void =>
    write(
      "mcp-host.yaml",
      served(
        {
          shown: server("shown"),
          hidden: server("hidden"),
          needed: server("needed", { required: true }),
          team: { mount: { manifest: "./team.yaml" } },
        },
        { profiles: { one: { servers } } },
      ),
    )
  write("team.yaml", { servers: { inner: server("team", { required: true }) } })
  edit(shown)
  return { folder, pids: (key) => pidsIn(at(key)), edit }
}

const handshake = [
  {
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
  },
  { jsonrpc: "2.0", method: "notifications/initialized" },
]

describe("run --profile", () => {
  it("on standard streams starts what it shows, and what is required", async () => {
    const { folder, pids } = bench(["shown"])
    const running = start(["run", "--stdio", "--profile", "one"], { cwd: folder })
    const say = (message: JsonObject): void => void running.child.stdin?.write(`${JSON.stringify(message)}\n`)
    for (const message of [...handshake, request(1, "tools/list")]) say(message)
    const answer = (id: number): JsonObject | undefined =>
      linesOf(running).find((message) => message["id"] === id)?.["result"] as JsonObject | undefined
    await expect.poll(() => answer(1), { timeout: 15_000 }).toMatchObject({ tools: [{ name: "shown_echo" }] })
    // Nobody waits for what is not shown, required or not.
    const started = () => keys.map((key) => [key, pids(key).length])
    const wanted = { shown: 1, hidden: 0, needed: 1, team: 0 }
    await expect.poll(started, { timeout: 15_000 }).toEqual(Object.entries(wanted))
    const hidden = ["hidden_echo", "team_inner_echo", "nobody_echo"]
    hidden.forEach((name, at) => void say(request(2 + at, "tools/call", { name, arguments: {} })))
    const errors = () => linesOf(running).flatMap(({ error }) => (error === undefined ? [] : [error as JsonObject]))
    await expect.poll(() => errors().length, { timeout: 10_000 }).toBe(3)
    expect(errors().map(({ code, data }) => [code, data])).toEqual(hidden.map(() => [-32602, undefined]))
    expect([...pids("hidden"), ...pids("team")]).toEqual([])
    running.child.stdin?.end()
    expect((await running.ended).code).toBe(0)
  }, 40_000)

  it("over HTTP is ready without them, and follows edits of the profile", async () => {
    const { folder, pids, edit } = bench(["shown"])
    const running = await startHttp(folder, ["--profile", "one"])
    const ready = new URL("/readyz", running.url).href
    const { status, json } = await send(ready, { method: "GET" })
    expect(status).toBe(200)
    const idle = { state: "disabled", reason: "the profile one does not show it" }
    expect(json["servers"]).toMatchObject({
      shown: { state: "ready" },
      hidden: idle,
      needed: { state: "ready" },
      team: idle,
      "team/inner": idle,
    })
    const session = await openSession(running.url)
    const names = async (): Promise<unknown[]> => {
      const { json: list } = await session.send(request(1, "tools/list"))
      return ((list["result"] as JsonObject)["tools"] as JsonObject[]).map(({ name }) => name)
    }
    expect(await names()).toEqual(["shown_echo"])
    const [first] = pids("shown")
    edit(["shown", "hidden", "team"])
    await expect.poll(names, { timeout: 15_000 }).toEqual(["shown_echo", "hidden_echo", "team_inner_echo"])
    edit(["hidden"])
    await expect.poll(names, { timeout: 15_000 }).toEqual(["hidden_echo"])
    expect(await allGone([...pids("shown"), ...pids("team")])).toBe(true)
    expect(pids("shown")[0]).toBe(first)
  }, 60_000)
})

it("commands that look once start nothing else either", async () => {
  const { folder, pids } = bench(["shown"])
  const { code, stdout } = await cli(["call", "shown_echo", "text=hi", "--profile", "one"], { cwd: folder })
  expect([code, stdout]).toEqual([0, "hi\n"])
  expect([...pids("hidden"), ...pids("team")]).toEqual([])
}, 30_000)

function linesOf(running: Running): JsonObject[] {
  return running
    .stdout()
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as JsonObject]))
}
