/** `run` while its manifest, the files that belong to it and the code of its packages are edited. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it } from "vitest"
import { stringify } from "yaml"
import type { JsonObject } from "../../src/protocol/json.ts"
import { openSession, type Session } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { cleanUp, packageServer, pidsIn, project, type Running, served, startHttp, stdioServer } from "./support.ts"

afterEach(async () => {
  await closeAll()
  cleanUp()
})

/** A server whose only tool is named by a file beside it. */
const source = (imported: string, exported: string): string => `${imported}
${exported}() {
  let transport
  const results = {
    initialize: () => ({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } }),
    "tools/list": () => ({ tools: [{ name: tool, inputSchema: { type: "object" } }] }),
    "tools/call": () => ({ content: [{ type: "text", text: tool }] }),
  }
  return {
    async connect(given) {
      transport = given
      transport.onmessage = ({ id, method }) => {
        if (id !== undefined) transport.send({ jsonrpc: "2.0", id, result: (results[method] ?? (() => ({})))() })
      }
      await transport.start()
    },
    close: async () => transport?.close(),
  }
}
`
const esm = { "p/package.json": '{ "type": "module" }' }
const packages = {
  JavaScript: {
    ...esm,
    "p/index.js": source('import { tool } from "./lib/tool.js"', "export default function make"),
    "p/lib/tool.js": 'export const tool = "one"\n',
  },
  TypeScript: {
    ...esm,
    "p/index.ts": `// @ts-nocheck\nenum Kind { A }\n${source('import { tool } from "./lib/tool.js"', "export default function make")}`,
    "p/lib/tool.ts": 'export const tool: string = "one"\n',
  },
  CommonJS: {
    "p/index.cjs": source('const { tool } = require("./lib/tool.cjs")', "module.exports = function make"),
    "p/package.json": '{ "main": "index.cjs" }',
    "p/lib/tool.cjs": 'exports.tool = "one"\n',
  },
}

let ids = 0
const ask = async (session: Session, method: string, params: JsonObject = {}): Promise<JsonObject> => {
  ids += 1
  const answer = await session.send({ jsonrpc: "2.0", id: ids, method, params })
  const result = answer.json["result"] ?? answer.events.at(-1)?.["result"]
  if (result === undefined) throw new Error(`${method} failed: ${answer.status} ${answer.text}`)
  return result as JsonObject
}
const names = async (session: Session): Promise<unknown[]> =>
  ((await ask(session, "tools/list"))["tools"] as JsonObject[]).map(({ name }) => name)
const shows = (session: Session, expected: unknown[]) =>
  expect.poll(() => names(session), { interval: 50 }).toEqual(expected)
const errors = (running: Running) => running.stderr().match(/not applied/g)?.length ?? 0

describe("edits of the manifest", () => {
  it("are applied, and its includes and .env too; invalid ones are told with their line", async () => {
    const low = packageServer("v1-low")
    const folder = project(
      { ...served({ a: low }), include: ["more/*.yaml"] },
      { "more/b.yaml": stringify({ servers: { b: { ...low, prefix: "${NAME}" } } }), ".env": "NAME=bee" },
    )
    const running = await startHttp(folder)
    const session = await openSession(running.url)
    await shows(session, ["a_echo", "bee_echo"])
    writeFileSync(path.join(folder, ".env"), "NAME=wasp")
    await shows(session, ["a_echo", "wasp_echo"])
    writeFileSync(path.join(folder, "more/c.yaml"), stringify({ servers: { c: low } }))
    await shows(session, ["a_echo", "wasp_echo", "c_echo"])
    writeFileSync(path.join(folder, "more/c.yaml"), "servers:\n  c: { mont: x }\n")
    await running.shows(/more\/c\.yaml:2:8: unknown key "mont".*what there was serves on/)
    expect(await names(session)).toEqual(["a_echo", "wasp_echo", "c_echo"])
    rmSync(path.join(folder, "more/c.yaml"))
    await shows(session, ["a_echo", "wasp_echo"])
    // As editors do it: another file in the place of the old.
    writeFileSync(path.join(folder, "new"), stringify(served({ z: low })))
    renameSync(path.join(folder, "new"), path.join(folder, "mcp-host.yaml"))
    await shows(session, ["z_echo"])
    expect(running.child.exitCode).toBeNull()
  })

  it("wait for SIGHUP with --no-watch", async () => {
    const folder = project(served({ a: packageServer("v1-low") }))
    const running = await startHttp(folder, ["--no-watch"])
    const session = await openSession(running.url)
    await shows(session, ["a_echo"])
    writeFileSync(path.join(folder, "mcp-host.yaml"), stringify(served({ b: packageServer("v1-low") })))
    await delay(500)
    expect(await names(session)).toEqual(["a_echo"])
    running.child.kill("SIGHUP")
    await shows(session, ["b_echo"])
  })

  it("say what takes effect at the next start only", async () => {
    const folder = project(served({}))
    const running = await startHttp(folder)
    writeFileSync(path.join(folder, "mcp-host.yaml"), stringify({ ...served({}), endpoint: { drain: "1s" } }))
    await running.shows(/endpoint has changed, which takes effect when mcp-host is started again/)
  })
})

describe("edits of a local package", () => {
  it.each(Object.entries(packages))(
    "in %s run anew, and that server only",
    async (_name, files) => {
      const pids = path.join(project(""), "pids")
      const folder = project(
        served({
          p: { mount: "./p" },
          other: stdioServer("v1-stdio.mjs", { PID_FILE: pids }, { tools: { include: ["echo"] } }),
        }),
        files as Record<string, string>,
      )
      const running = await startHttp(folder)
      const session = await openSession(running.url)
      await shows(session, ["p_one", "other_echo"])
      const before = pidsIn(pids)
      const [file = ""] = Object.keys(files).filter((name) => name.includes("/lib/"))
      const text = readFileSync(path.join(folder, file), "utf8")
      for (const tool of ["two", "three", "one"]) {
        writeFileSync(path.join(folder, file), text.replace("one", tool))
        await shows(session, [`p_${tool}`, "other_echo"])
        expect(await ask(session, "tools/call", { name: `p_${tool}` })).toMatchObject({ content: [{ text: tool }] })
      }
      writeFileSync(path.join(folder, file), "this is no code(")
      await running.shows(/the server p did not start: .*what there was serves on/)
      expect(await ask(session, "tools/call", { name: "p_one" })).toMatchObject({ content: [{ text: "one" }] })
      expect(pidsIn(pids)).toEqual(before)
    },
    90_000,
  )
})

describe("many edits under load", () => {
  /** All of them with `RELOAD_EDITS=200`. */
  const edits = Number(process.env["RELOAD_EDITS"] ?? 20)

  it(`${edits} edits lose no call, no session, no process and no descriptor`, async () => {
    const pids = path.join(project(""), "pids")
    const still = { still: stdioServer("v1-stdio.mjs", { PID_FILE: pids }, { tools: { include: ["echo"] } }) }
    const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
    const manifest = (at: number): string =>
      stringify(
        served({
          ...still,
          moving: {
            ...{ mount: raw, tools: { exclude: ["do_*"] } },
            config: { lists: { tools: [{ name: `t${at}`, inputSchema: { type: "object" } }] } },
          },
          child: stdioServer(
            "v1-stdio.mjs",
            { EDIT: String(at - (at % 10)) },
            { tools: { include: ["add"] }, resources: { exclude: ["*"] } },
          ),
        }),
      )
    const folder = project(manifest(0))
    const running = await startHttp(folder)
    const sessions = await Promise.all([1, 2].map(() => openSession(running.url)))
    const [session] = sessions as [Session, Session]
    await shows(session, ["still_echo", "moving_t0", "child_add"])
    const descriptors = () => readdirSync(`/proc/${running.child.pid}/fd`).length
    const children = () =>
      readFileSync(`/proc/${running.child.pid}/task/${running.child.pid}/children`, "utf8").trim().split(" ").length
    let done = false
    let calls = 0
    const load = sessions.map(async (each) => {
      while (!done) {
        calls += 1
        const result = await ask(each, "tools/call", { name: "still_echo", arguments: { text: `${calls}` } })
        expect(result["isError"]).toBeUndefined()
        await delay(5)
      }
    })
    // Until each session has its own process.
    await expect.poll(() => pidsIn(pids).length).toBe(2)
    await delay(500)
    const before = { descriptors: descriptors(), children: children(), still: pidsIn(pids) }
    const editing = async (): Promise<void> => {
      for (let at = 1; at <= edits; at += 1) {
        const invalid = at % 10 === 5
        const refused = errors(running)
        writeFileSync(path.join(folder, "mcp-host.yaml"), invalid ? `${manifest(at)}nonsense: 1\n` : manifest(at))
        if (invalid) await expect.poll(() => errors(running)).toBe(refused + 1)
        else await shows(session, ["still_echo", `moving_t${at}`, "child_add"])
      }
    }
    try {
      await Promise.race([editing(), Promise.all(load)])
    } finally {
      done = true
    }
    await Promise.all(load)
    expect(calls).toBeGreaterThan(edits)
    expect(pidsIn(pids)).toEqual(before.still)
    await expect.poll(children).toBe(before.children)
    // Those of a client's own sessions come and go.
    await expect.poll(descriptors).toBeLessThanOrEqual(before.descriptors + 6)
  }, 600_000)
})
