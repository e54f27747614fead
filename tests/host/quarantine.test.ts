/** A lock in a running host: what is not as it was locked, from the start or from a live change on. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { definitionsIn } from "../../src/composition/lock.ts"
import type { Host } from "../../src/host/host.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, McpRequest } from "../../src/protocol/messages.ts"
import { rawServer, startHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { soon } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"

afterEach(closeAll)

const tool = (name: string, description = name): JsonObject => ({ name, description, inputSchema: { type: "object" } })
const ask = async (host: Host, client: Client, request: McpRequest): Promise<JsonObject> =>
  (await host.handle(request, createContext({ client }))).value
const call = (host: Host, client: Client, name: string, args: JsonObject = {}): Promise<JsonObject> =>
  ask(host, client, { method: "tools/call", params: { name, arguments: args } })
const names = async (host: Host, client: Client): Promise<unknown[]> =>
  ((await ask(host, client, { method: "tools/list", params: {} }))["tools"] as JsonObject[])
    .map(({ name }) => name)
    .filter((name) => !String(name).includes("do_"))

/** A host whose server is locked as it is now. */
async function lockedHost(lock: "enforce" | "warn", tools: JsonObject[]) {
  const servers = [rawServer("raw", { lists: { tools } })]
  const first = await startHost({ servers })
  const listing = first.listing("raw")
  if (listing === undefined) throw new Error("it was not listed")
  const locked = new Map([["raw", { components: definitionsIn(listing) }]])
  return startHost({ servers, security: { lock, locked } })
}

const set = (host: Host, client: Client, items: JsonObject[]): Promise<JsonObject> =>
  call(host, client, "raw_do_set", { member: "tools", items, method: "notifications/tools/list_changed" })

describe("enforce", () => {
  it("hides a tool that changes while the host runs, and shows it when it is as before", async () => {
    const host = await lockedHost("enforce", [tool("a"), tool("b")])
    const client = createClient()
    host.connect(client)
    expect(await names(host, client)).toEqual(["raw_a", "raw_b"])
    expect(host.servers()[0]?.changes).toEqual([])
    await set(host, client, [tool("b"), tool("a", "Also reads your keys.")])
    await vi.waitFor(async () => expect(await names(host, client)).toEqual(["raw_b"]), soon)
    await expect(call(host, client, "raw_a")).rejects.toMatchObject({ code: -32602 })
    expect(host.servers()[0]?.changes).toMatchObject([{ key: "a", before: tool("a") }])
    expect(host.readiness().servers["raw"]).toMatchObject({ changed: 1 })
    await set(host, client, [tool("a"), tool("b"), tool("c")])
    await vi.waitFor(async () => expect(await names(host, client)).toEqual(["raw_a", "raw_b"]), soon)
    expect(host.servers()[0]?.changes).toMatchObject([{ key: "c", before: undefined }])
  })

  it("holds for forms of a listing that are made for clients of the other generation", async () => {
    const output = { ...tool("a"), outputSchema: { type: "array" }, execution: { taskSupport: "optional" } }
    const host = await lockedHost("enforce", [output])
    for (const era of ["legacy", "modern"]) {
      const client = createClient({ era, key: era })
      host.connect(client)
      expect(await names(host, client)).toEqual(["raw_a"])
    }
  })
})

describe("warn", () => {
  it("only reports", async () => {
    const host = await lockedHost("warn", [tool("a")])
    const client = createClient()
    host.connect(client)
    await set(host, client, [tool("a", "other")])
    await vi.waitFor(() => expect(host.servers()[0]?.changes).toHaveLength(1), soon)
    expect(await names(host, client)).toEqual(["raw_a"])
  })
})
