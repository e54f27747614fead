import { describe, expect, it } from "vitest"
import { ProtocolError } from "../../src/protocol/errors.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { McpRequest } from "../../src/protocol/messages.ts"
import { emptyListing, takeListing } from "../../src/upstreams/listing.ts"
import type { UpstreamSession } from "../../src/wire/session.ts"

const all = { tools: {}, prompts: {}, resources: {} }

function session(answer: (request: McpRequest) => JsonObject, capabilities: JsonObject = all) {
  const requests: McpRequest[] = []
  const upstream: UpstreamSession = {
    era: "legacy",
    protocolVersion: "",
    serverInfo: {},
    capabilities,
    instructions: undefined,
    pid: undefined,
    attributes: true,
    inFlight: 0,
    request: async (request) => {
      requests.push(request)
      return { value: answer(request) }
    },
    notify: () => undefined,
    ping: async () => undefined,
    close: async () => undefined,
  }
  return { upstream, requests }
}

const { signal } = new AbortController()
const tool = (name: unknown): JsonObject => ({ name, "x-kept": 1 }) as JsonObject

describe("takeListing", () => {
  it("follows every cursor, the empty one too", async () => {
    const pages: Record<string, JsonObject> = {
      start: { tools: [tool("a")], nextCursor: "" },
      "": { tools: [tool("b")], nextCursor: "2" },
      "2": { tools: [] },
    }
    const { upstream, requests } = session(({ params }) => pages[String(params["cursor"] ?? "start")] ?? {}, {
      tools: {},
    })
    expect((await takeListing(upstream, signal)).tool).toEqual([tool("a"), tool("b")])
    expect(requests.map(({ params }) => params)).toEqual([{}, { cursor: "" }, { cursor: "2" }])
  })

  it("asks only for what the server declares", async () => {
    const { upstream, requests } = session(() => ({}), { resources: {} })
    expect(await takeListing(upstream, signal)).toEqual(emptyListing)
    expect(requests.map(({ method }) => method)).toEqual(["resources/list", "resources/templates/list"])
  })

  it("takes again only what is wanted", async () => {
    const known = { ...emptyListing, tool: [tool("old")], prompt: [{ name: "p" }] }
    const { upstream, requests } = session(() => ({ tools: [tool("new")] }))
    expect(await takeListing(upstream, signal, ["tool"], known)).toEqual({ ...known, tool: [tool("new")] })
    expect(requests).toHaveLength(1)
  })

  it("takes an unknown list method for an empty list, and any other error for one", async () => {
    const fail = (code: number) =>
      session(() => {
        throw new ProtocolError(code, "no")
      }).upstream
    expect(await takeListing(fail(-32601), signal)).toEqual(emptyListing)
    await expect(takeListing(fail(-32603), signal)).rejects.toMatchObject({ code: -32603 })
  })

  it("leaves out what has no name, and does not mind nonsense", async () => {
    const { upstream } = session(
      () => ({ tools: [tool("a"), tool(7), tool(undefined), null, "x", [tool("b")]] }) as JsonObject,
      { tools: {} },
    )
    expect((await takeListing(upstream, signal)).tool).toEqual([tool("a")])
    for (const page of [{}, { tools: "x" }, { tools: null }, { tools: [], nextCursor: 7 }] as JsonObject[]) {
      expect((await takeListing(session(() => page, { tools: {} }).upstream, signal)).tool).toEqual([])
    }
  })

  describe("of a modern server", () => {
    const modern = (pages: Record<string, JsonObject>): UpstreamSession => ({
      ...session(({ method, params }) => pages[String(params["cursor"] ?? method)] ?? {}).upstream,
      era: "modern",
    })

    it("says how long each list is good for: the shortest time and the strictest scope of its pages", async () => {
      const { hints } = await takeListing(
        modern({
          "tools/list": { tools: [], ttlMs: 9_000, cacheScope: "public", nextCursor: "2" },
          "2": { tools: [], ttlMs: 5_000, cacheScope: "public", nextCursor: "3" },
          "3": { tools: [], ttlMs: 7_000, cacheScope: "public" },
          "prompts/list": { prompts: [], ttlMs: 9_000, cacheScope: "public", nextCursor: "p" },
          p: { prompts: [], ttlMs: 9_000, cacheScope: "private" },
          "resources/list": { resources: [], ttlMs: 9_000 },
        }),
        signal,
      )
      expect(hints).toEqual({
        tool: { ttlMs: 5_000, cacheScope: "public" },
        prompt: { ttlMs: 9_000, cacheScope: "private" },
        resource: { ttlMs: 9_000, cacheScope: "private" },
        resourceTemplate: { ttlMs: 0, cacheScope: "private" },
      })
    })

    it.each<[string, JsonObject]>([
      ["negative", { ttlMs: -1, cacheScope: "shared" }],
      ["text", { ttlMs: "5000", cacheScope: 1 }],
      ["missing", {}],
    ])("takes hints that are %s for none", async (_what, hints) => {
      const listing = await takeListing(modern({ "tools/list": { tools: [], ...hints } }), signal, ["tool"])
      expect(listing.hints).toEqual({ tool: { ttlMs: 0, cacheScope: "private" } })
    })

    it("keeps the hints of the kinds that are not taken again", async () => {
      const hint = { ttlMs: 1, cacheScope: "public" } as const
      const known = { ...emptyListing, hints: { prompt: hint, tool: hint } }
      const page = { tools: [], ttlMs: 2, cacheScope: "public" }
      const { hints } = await takeListing(modern({ "tools/list": page }), signal, ["tool"], known)
      expect(hints).toEqual({ prompt: hint, tool: { ttlMs: 2, cacheScope: "public" } })
    })
  })

  it("says nothing of how long a legacy server's lists are good for", async () => {
    const { upstream } = session(() => ({ tools: [], ttlMs: 5_000, cacheScope: "public" }), { tools: {} })
    expect(await takeListing(upstream, signal)).toEqual(emptyListing)
  })

  it("ends a list that does not end", async () => {
    let page = 0
    const endless = session(
      () => {
        page += 1
        return { tools: [tool(`t${page}`)], nextCursor: String(page) }
      },
      { tools: {} },
    )
    await expect(takeListing(endless.upstream, signal)).rejects.toMatchObject({
      code: -31004,
      message: expect.stringContaining("64 pages"),
    })
    const circular = session(() => ({ tools: [], nextCursor: "again" }), { tools: {} })
    await expect(takeListing(circular.upstream, signal)).rejects.toMatchObject({
      code: -31004,
      message: expect.stringContaining("same cursor"),
    })
    expect(circular.requests.length).toBeLessThan(5)
  })

  it("takes from live objects only what JSON carries", async () => {
    class Odd {
      readonly name = "odd"
      readonly when = new Date(0)
      readonly hidden = undefined
      method(): void {}
    }
    const { upstream } = session(() => ({ tools: [new Odd()] }) as never, { tools: {} })
    expect((await takeListing(upstream, signal)).tool).toEqual([{ name: "odd", when: "1970-01-01T00:00:00.000Z" }])
  })
})
