/**
 * Two hundred secrets, each in every notation, said by servers wherever a server can say something: nothing of them is
 * to be seen in anything the host writes. What clients get passes as it is; that is no sink of the host.
 */
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type JsonObject, objectsAt } from "../../src/protocol/json.ts"
import { cleanUp, cli, packageServer, project, served, start, stdioServer } from "../cli/support.ts"
import { modern, openSession, request, send, toolCall } from "../endpoints/support.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { encodings, seededSecrets, traces } from "./encodings.ts"
import { type Receiver, startReceiver } from "./support.ts"

const secrets = seededSecrets(200, 7)
const texts = secrets.flatMap((secret) => Object.values(encodings).map((encode) => encode(secret)))
const env = Object.fromEntries(secrets.map((secret, index) => [`S${index}`, secret]))
/** Enough to tell whether a text that must not be seen may begin here. */
const beginning = 8
/** What must not be seen, by how it begins, with the secret it is of. */
const telltale = new Map<string, { readonly text: string; readonly secret: number }[]>()
for (const [secret, value] of secrets.entries()) {
  for (const text of traces(value)) {
    const key = text.slice(0, beginning)
    telltale.set(key, [...(telltale.get(key) ?? []), { text, secret }])
  }
}

/** The secrets that a text shows, as numbers. */
function shownIn(text: string): number[] {
  const shown = new Set<number>()
  for (let at = 0; at < text.length; at += 1) {
    for (const each of telltale.get(text.slice(at, at + beginning)) ?? [])
      if (text.startsWith(each.text, at)) shown.add(each.secret)
  }
  return [...shown]
}

const hiddenIn = (text: string): number => text.split("[hidden]").length - 1

async function startPage(): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end(`<p>${texts.slice(0, 100).join("</p><p>")}</p>`)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  closers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

function leaky(file: string, mode: readonly string[], names: readonly string[]): object {
  const { mount } = stdioServer("leaky.mjs", Object.fromEntries(names.map((name) => [name, `\${${name}}`]))) as {
    readonly mount: { readonly args: readonly string[] }
  }
  return { mount: { ...mount, args: [...mount.args, file, ...mode] } }
}

let receiver: Receiver
let folder: string

beforeAll(async () => {
  receiver = await startReceiver()
  const file = path.join(project("servers: {}"), "texts.json")
  writeFileSync(file, JSON.stringify(texts))
  const names = Object.keys(env)
  const servers = {
    leaky: leaky(file, [], names),
    dying: leaky(file, ["die"], []),
    refusing: leaky(file, ["refuse"], []),
    page: { mount: { url: await startPage(), headers: { authorization: "Bearer ${S0}" } } },
    package: packageServer("leaky", { config: { file, token: "${S1}" } }),
  }
  const traced = { endpoint: receiver.url, headers: { "x-key": "${S2}" } }
  const timeouts = { start: "60s", list: "60s", call: "60s" }
  folder = project(served(servers, { defaults: { timeouts }, telemetry: { metrics: true, traces: traced } }))
})

afterAll(async () => {
  cleanUp()
  await closeAll()
})

it("the test would see a secret", () => {
  expect(texts.length).toBeGreaterThan(14 * 200)
  expect(shownIn(texts.join("\n"))).toHaveLength(200)
  for (const name of Object.keys(encodings)) {
    const encoded = secrets.map((secret) => encodings[name]?.(secret))
    expect(shownIn(encoded.join("\n")), name).toHaveLength(200)
  }
})

describe.each(["json", "pretty"])("run with a %s log", (format) => {
  it("shows no secret in its log at any level, its metrics, its traces, and /readyz", async () => {
    const before = receiver.requests.length
    const running = start(["run", "--log-level", "trace", "--log-format", format], { cwd: folder, env })
    const [, url = ""] = await running.shows(/listening on (http:[^\s"]+)/)
    await running.shows(/that was all/)
    await useEverything(url)
    const base = new URL(url).origin
    const pages = await Promise.all(["metrics", "readyz"].map((name) => send(`${base}/${name}`, { method: "GET" })))
    running.child.kill("SIGTERM")
    const { stdout, stderr } = await running.ended
    expect(stdout).toBe("")
    // Most of all is said on standard error.
    expect(hiddenIn(stderr)).toBeGreaterThan(texts.length)
    const bodies = receiver.requests.slice(before).map(({ body }) => body)
    expect(hiddenIn(bodies.join("\n"))).toBeGreaterThan(100)
    expect(hiddenIn(pages.map(({ text }) => text).join("\n"))).toBeGreaterThan(10)
    const sinks = { stderr, traces: bodies.join("\n"), metrics: pages[0]?.text ?? "", readyz: pages[1]?.text ?? "" }
    for (const [sink, text] of Object.entries(sinks))
      expect({ sink, shown: shownIn(text) }).toEqual({ sink, shown: [] })
  }, 120_000)
})

/** Every way to have a server say something about a request. */
async function useEverything(url: string): Promise<void> {
  const session = await openSession(url)
  for (let piece = 0; piece < 20; piece += 1) {
    await session.send(toolCall(`leak${piece}`, "leaky_leak", { piece }))
    await session.send(toolCall(`tell${piece}`, "leaky_tell", { piece }))
  }
  const list = (await session.send(request("list", "resources/list"))).json["result"] as JsonObject
  for (const { uri = "" } of objectsAt(list, "resources").slice(0, 100))
    await session.send(request(String(uri), "resources/read", { uri }))
  for (const name of ["dying_x", "refusing_x", "page_x", "package_x"]) await session.send(toolCall(name, name))
  await send(url, modern("tools/call", { name: "leaky_leak", arguments: { piece: 1 } }))
}

describe("commands", () => {
  it.each([
    ["list", "--json"],
    ["list"],
    ["list", "servers"],
    ["inspect", "leaky_leak", "--json"],
    ["inspect", "leaky_leak"],
    ["inspect", "leaky_tell", "--json"],
    ["check", "--connect"],
    ["check", "--connect", "--json"],
    ["call", "leaky_leak", "piece=2"],
    ["call", "leaky_tell", "piece=3"],
    ["call", "package_x"],
    ["call", "page_x"],
  ])(
    "%s %s %s show no secret",
    async (...args) => {
      const { stdout, stderr } = await cli(args, { cwd: folder, env })
      expect(hiddenIn(stdout + stderr)).toBeGreaterThan(0)
      expect(shownIn(stdout)).toEqual([])
      expect(shownIn(stderr)).toEqual([])
      if (args.includes("--json")) expect(() => JSON.parse(stdout)).not.toThrow()
    },
    90_000,
  )
})

it("the host's own errors quote servers without secrets; servers' own errors pass as they are", async () => {
  const running = start(["run"], { cwd: folder, env })
  const [, url = ""] = await running.shows(/listening on (http:[^\s"]+)/)
  await running.shows(/that was all/)
  const session = await openSession(url)
  for (const name of ["dying_x", "refusing_x", "page_x", "package_x"]) {
    const { text } = await session.send(toolCall(name, name))
    expect(text).toMatch(/"code":-3100/)
    expect({ name, shown: shownIn(text) }).toEqual({ name, shown: [] })
    expect(hiddenIn(text)).toBeGreaterThan(0)
  }
  const { text } = await session.send(toolCall("own", "leaky_leak", { piece: 0 }))
  expect(hiddenIn(text)).toBe(0)
  expect(shownIn(text).length).toBeGreaterThan(0)
  running.child.kill("SIGTERM")
  await running.ended
}, 120_000)
