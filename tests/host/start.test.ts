/** How the host starts its servers: a few at a time, and with what the catalogue cache remembers of them. */
import { readdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Host } from "../../src/host/host.ts"
import { createStartTurns } from "../../src/host/startTurns.ts"
import type { ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { createHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { type EntryOptions, entryOf, fixtures, soon, stdioTarget, temporaryFolder } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"

afterEach(closeAll)

const slow = (key: string, env: Record<string, string> = {}, options: EntryOptions = {}): ServerEntry =>
  entryOf(stdioTarget("slow-start.mjs", { env: { DELAY: "500", TOOLS: "2", ...env } }), { key, ...options })

/** Long enough for lists to be asked for before, on a machine that is busy. */
const verySlow = { DELAY: "2000" }

const list = async (host: Host, client: Client): Promise<unknown[]> => {
  const { value } = await host.handle({ method: "tools/list", params: {} }, createContext({ client }))
  return (value["tools"] as JsonObject[]).map(({ name }) => name)
}
const states = (host: Host): string[] => host.servers().map(({ state }) => state)

/** Starts, lists, closes: the cache is filled. */
async function fill(cache: string, servers: readonly ServerEntry[]): Promise<void> {
  const host = createHost({ servers, host: { cache } })
  host.start()
  await host.settled()
  await host.close()
}

async function edit(folder: string, from: string, to: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name)
    await writeFile(file, (await readFile(file, "utf8")).replaceAll(from, to))
  }
}

describe("the catalogue cache", () => {
  it.each(["stale", "skip", "fail"] as const)(
    "answers the first list before servers are up (onDown: %s)",
    async (onDown) => {
      const cache = await temporaryFolder()
      const servers = ["a", "b"].map((key) => slow(key, verySlow, { onDown }))
      await fill(cache, servers)
      const host = createHost({ servers, host: { cache } })
      const client = createClient()
      // A look before the start must not hide what the cache remembers.
      expect(host.servers().map(({ counts }) => counts.tools)).toEqual([0, 0])
      host.connect(client)
      expect(await list(host, client)).toEqual(["a_echo", "a_tool_1", "b_echo", "b_tool_1"])
      expect(states(host)).toEqual(["starting", "starting"])
      expect(host.readiness().ready).toBe(false)
      const params = { name: "b_tool_1", arguments: { x: 1 } }
      const { value } = await host.handle({ method: "tools/call", params }, createContext({ client }))
      expect(value).toMatchObject({ structuredContent: { received: { x: 1 } } })
      await vi.waitFor(() => expect(states(host)).toEqual(["ready", "ready"]), soon)
      await delay(250)
      expect(client.seen).toEqual([])
    },
  )

  it.each(["mount", "import"] as const)("is corrected with one list_changed: %s", async (mode) => {
    const cache = await temporaryFolder()
    const servers = [slow("a", verySlow, { mode }), slow("b")]
    await fill(cache, servers)
    await edit(cache, "tool_1", "tool_old")
    const host = createHost({ servers: servers.slice(0, 1), host: { cache } })
    const [early, late] = [createClient({ key: "early" }), createClient({ key: "late" })]
    host.connect(early)
    expect(await list(host, early)).toEqual(["a_echo", "a_tool_old"])
    await host.settled()
    host.connect(late)
    await vi.waitFor(() => expect(early.seen.length).toBeGreaterThan(0), soon)
    await delay(300)
    expect(early.seen).toEqual([{ method: "notifications/tools/list_changed", params: {} }])
    expect(late.seen).toEqual([])
    expect(await list(host, early)).toEqual(["a_echo", "a_tool_1"])
    // The file of the server that left is gone, the other's is rewritten.
    await host.close()
    const files = await readdir(cache)
    expect(files).toHaveLength(1)
    expect(await readFile(path.join(cache, String(files[0])), "utf8")).not.toContain("tool_old")
  })

  it("says no less of what the host can do than without it", async () => {
    const cache = await temporaryFolder()
    const servers = [slow("a")]
    await fill(cache, servers)
    const host = createHost({ servers, host: { cache } })
    const client = createClient()
    host.connect(client)
    expect(host.main.describe(client).capabilities).toMatchObject({ tools: {}, prompts: {}, resources: {} })
    expect(host.main.describe(client).instructions).toContain("Instructions of recording-fixture.")
    await host.settled()
    expect(host.main.describe(client).capabilities).toEqual({ tools: { listChanged: true } })
  })

  it("is not there without the key: nothing is written, and lists wait", async () => {
    const before = await readdir(fixtures, { recursive: true })
    const host = createHost({ servers: [slow("a", { DELAY: "100" })] })
    const client = createClient()
    host.connect(client, { patient: true })
    expect(await list(host, client)).toEqual(["a_echo", "a_tool_1"])
    expect(states(host)).toEqual(["ready"])
    await host.close()
    expect(await readdir(fixtures, { recursive: true })).toEqual(before)
  })
})

describe("starting many servers", () => {
  it("gives a place to the next as one is done or takes long, in order", async () => {
    vi.useFakeTimers()
    const turnOf = createStartTurns({ most: 2, longestMs: 150 })
    const begun: number[] = []
    const ends = Array.from({ length: 5 }, (_, index) => {
      let end = (): void => undefined
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      void turnOf(ended).then(() => begun.push(index))
      return () => end()
    })
    await vi.advanceTimersByTimeAsync(20)
    expect(begun).toEqual([0, 1])
    ends[1]?.()
    await vi.advanceTimersByTimeAsync(20)
    expect(begun).toEqual([0, 1, 2])
    await vi.advanceTimersByTimeAsync(300)
    expect(begun).toEqual([0, 1, 2, 3, 4])
    vi.useRealTimers()
  })

  it("is not held up by servers that hang", async () => {
    const timeouts = { startMs: 600_000, listMs: 5_000, callMs: 5_000, totalMs: 5_000 }
    const hung = Array.from({ length: 9 }, (_, index) =>
      entryOf(stdioTarget("hang.mjs"), { key: `hung${index}`, timeouts }),
    )
    const host = createHost({ servers: [...hung, slow("good", { DELAY: "0" })] })
    host.start()
    await vi.waitFor(() => expect(states(host).at(-1)).toBe("ready"), soon)
    expect(states(host).slice(0, 9)).toEqual(Array(9).fill("starting"))
  })

  it("can be closed while servers wait for their turn", async () => {
    const hung = Array.from({ length: 12 }, (_, index) => entryOf(stdioTarget("hang.mjs"), { key: `hung${index}` }))
    const host = createHost({ servers: hung })
    host.start()
    await delay(100)
    await host.close()
    expect(new Set(states(host))).toEqual(new Set(["stopped"]))
  })
})
