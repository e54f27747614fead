/** The first list of a client while servers start: over HTTP it waits for none but the required, and what comes is announced. */
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Host } from "../../src/host/host.ts"
import type { ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpNotification } from "../../src/protocol/messages.ts"
import { createHost, modern, openSession, rawServer, request, send, serve, stream } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { type EntryOptions, entryOf, soon, stdioTarget, temporaryFolder } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"
import { nested } from "./support.ts"

afterEach(closeAll)

/** The longest a list may be held, so that one that is held is seen to be. */
const timeouts = { startMs: 20_000, listMs: 20_000, callMs: 20_000, totalMs: 20_000 }
const quick = (key = "quick"): ServerEntry => rawServer(key)
/** A server that starts when the gate is opened. */
const gated = (folder: string, key = "slow", options: EntryOptions = {}): ServerEntry =>
  entryOf(stdioTarget("slow-start.mjs", { env: { GATE: path.join(folder, key), TOOLS: "1" } }), {
    key,
    timeouts,
    ...options,
  })

const open = (folder: string, key = "slow"): Promise<void> => writeFile(path.join(folder, key), "")
/** The tools of a list; of the quick servers only the first. */
const namesIn = (result: unknown): unknown[] =>
  ((result as JsonObject)["tools"] as JsonObject[])
    .map(({ name }) => String(name))
    .filter((name) => !/_do_(?!set)/.test(name))
const changed = "notifications/tools/list_changed"
const isChange = ({ method }: JsonObject): boolean => method === changed

/** A host whose quick servers are ready, behind an endpoint. */
async function start(servers: readonly ServerEntry[], ready: readonly string[] = ["quick"]) {
  const host = createHost({ servers })
  host.start()
  const state = (key: string): string | undefined => host.servers().find(({ entry }) => entry.key === key)?.state
  await vi.waitFor(() => expect(ready.map(state)).toEqual(ready.map(() => "ready")), soon)
  return { ...(await serve(host)), state }
}

describe("over HTTP, the first list of a client", () => {
  it("waits for no server that starts, whose tools are announced: legacy", async () => {
    const folder = await temporaryFolder()
    const { url, state } = await start([gated(folder), quick()])
    const session = await openSession(url)
    const heard = await session.stream()
    const list = async () => namesIn((await session.send(request(1, "tools/list"))).json["result"])
    expect(await list()).toEqual(["quick_do_set"])
    expect(state("slow")).toBe("starting")
    await open(folder)
    await heard.find(isChange)
    expect(await list()).toEqual(["slow_echo", "quick_do_set"])
  })

  it("waits for no server that starts, whose tools are announced, and is stale at once: modern", async () => {
    const folder = await temporaryFolder()
    const { url, state } = await start([gated(folder), quick()])
    const notifications = { toolsListChanged: true }
    const heard = await stream(url, modern("subscriptions/listen", { notifications }, { id: "heard" }))
    await heard.find(({ method }) => method === "notifications/subscriptions/acknowledged")
    const list = async () => (await send(url, modern("tools/list"))).json["result"] as JsonObject
    const first = await list()
    expect(namesIn(first)).toEqual(["quick_do_set"])
    expect(first).toMatchObject({ ttlMs: 0, cacheScope: "private" })
    expect(state("slow")).toBe("starting")
    await open(folder)
    await heard.find(isChange)
    expect(namesIn(await list())).toEqual(["slow_echo", "quick_do_set"])
  })

  it("waits for required servers", async () => {
    const folder = await temporaryFolder()
    const { url, state } = await start([gated(folder, "needed", { required: true }), gated(folder), quick()])
    const session = await openSession(url)
    let answered = false
    const listing = session.send(request(1, "tools/list")).finally(() => {
      answered = true
    })
    // Answered after it, whatever took how long before.
    await session.send(request(2, "ping"))
    expect(answered).toBe(false)
    await open(folder, "needed")
    expect(namesIn((await listing).json["result"])).toEqual(["needed_echo", "quick_do_set"])
    expect(state("slow")).toBe("starting")
  })

  it("waits for no server that starts in a manifest inside", async () => {
    const folder = await temporaryFolder()
    const inside = nested("team", [gated(folder), quick("inner")])
    const { url, state } = await start([inside, quick()], ["quick", "team/inner"])
    const session = await openSession(url)
    const heard = await session.stream()
    const list = async () => namesIn((await session.send(request(1, "tools/list"))).json["result"])
    expect(await list()).toEqual(["team_inner_do_set", "quick_do_set"])
    expect(state("team/slow")).toBe("starting")
    await open(folder)
    await heard.find(isChange)
    expect(await list()).toEqual(["team_slow_echo", "team_inner_do_set", "quick_do_set"])
  })

  it("keeps no call from waiting for its own server", async () => {
    const folder = await temporaryFolder()
    const { url } = await start([gated(folder), quick()])
    const session = await openSession(url)
    await session.send(request(1, "tools/list"))
    const call = session.send(request(2, "tools/call", { name: "slow_echo", arguments: {} }))
    await session.send(request(3, "ping"))
    await open(folder)
    expect((await call).json["result"]).toMatchObject({ structuredContent: { received: {} } })
  })

  it("wakes a server that runs only when it is needed, and has it announced", async () => {
    const folder = await temporaryFolder()
    const { url, state } = await start([gated(folder, "slow", { start: "lazy" }), quick()])
    const session = await openSession(url)
    const heard = await session.stream()
    expect(namesIn((await session.send(request(1, "tools/list"))).json["result"])).toEqual(["quick_do_set"])
    expect(state("slow")).toBe("starting")
    await open(folder)
    await heard.find(isChange)
  })
})

describe("the first list of a patient client", () => {
  const listOf = async (host: Host, client: ReturnType<typeof createClient>) =>
    namesIn((await host.handle({ method: "tools/list", params: {} }, createContext({ client }))).value)
  const methods = (seen: readonly McpNotification[]): string[] => seen.map(({ method }) => method)

  it("waits for servers that start", async () => {
    const folder = await temporaryFolder()
    const host = createHost({ servers: [gated(folder), quick()] })
    const client = createClient()
    host.connect(client, { patient: true })
    await vi.waitFor(() => expect(host.servers()[1]?.state).toBe("ready"), soon)
    const listing = listOf(host, client)
    await open(folder)
    expect(await listing).toEqual(["slow_echo", "quick_do_set"])
  })

  it.each([
    ["itself", {}],
    ["its subscription", { unsolicited: false, leaves: false, era: "modern" }],
  ])("waits no longer than `timeouts.list`, and what comes later is announced to %s", async (_who, facts) => {
    const folder = await temporaryFolder()
    const slow = gated(folder, "slow", { timeouts: { ...timeouts, listMs: 300 } })
    const host = createHost({ servers: [slow, quick()] })
    const client = createClient()
    host.connect(client, { patient: true })
    const hearing = createClient(facts)
    host.connect(hearing, { patient: true })
    await vi.waitFor(() => expect(host.servers()[1]?.state).toBe("ready"), soon)
    expect(await listOf(host, client)).toEqual(["quick_do_set"])
    expect(methods(hearing.seen)).toEqual([])
    await open(folder)
    await vi.waitFor(() => expect(methods(hearing.seen)).toEqual([changed]), soon)
  })
})
