/** The middleware `cache`: what it keeps, for whom, until when; and that many who ask the same ask once. */
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { RawResult } from "../../src/protocol/rawResult.ts"
import { startModernServer } from "../fixtures/servers/modern.mjs"
import { counting, get, lists, principal, textOf } from "./cache/support.ts"
import { closeAll, closers } from "./files.ts"
import { createScripted, type Script, text, tool } from "./scriptedServer.ts"
import { start } from "./support.ts"

afterEach(closeAll)

describe("what is kept", () => {
  it.each(["host", "server"] as const)("what only reads, once for equal arguments, around a %s", async (where) => {
    const { one, server, metrics } = await counting("{}", { where })
    expect(await get(one, { a: 1, b: [2] })).toBe("answer 1")
    expect(await get(one, { b: [2], a: 1 })).toBe("answer 1")
    expect(await get(one, { a: 2, b: [2] })).toBe("answer 2")
    for (const method of ["resources/read", "prompts/get", "completion/complete"]) {
      const params: Record<string, JsonObject> = {
        "resources/read": { uri: "test://s/a" },
        "prompts/get": { name: "s_greet" },
        "completion/complete": { ref: { type: "ref/prompt", name: "s_greet" }, argument: { name: "n", value: "" } },
      }
      const first = await one.request(method, params[method])
      expect(await one.request(method, params[method])).toEqual(first)
    }
    expect(server.seen.map(({ method }) => method)).toEqual([
      ...["tools/call", "tools/call", "resources/read", "prompts/get", "completion/complete"],
    ])
    expect(metrics.of("mcp_host_cache_requests_total")).toMatchObject({ "s tools/call hit": 1, "s tools/call miss": 2 })
    expect(metrics.of("mcp_host_cache_entries")).toEqual({ [where === "host" ? "" : "s"]: 5 })
  })

  it("tools by their annotation or by name, each for its time", async () => {
    const { one, server } = await counting(`{ tools: { "s_fi*": 1h, s_peek: 0s } }`)
    for (const name of ["s_get", "s_find", "s_peek", "s_put"]) {
      await one.call(name)
      await one.call(name)
    }
    const called = server.seen.map(({ params }) => params["name"])
    expect(called).toEqual(["get", "find", "peek", "peek", "put", "put"])
  })

  it("no tools but listed ones with annotated: false, and nothing of a method with 0s", async () => {
    const { one, server } = await counting(`{ annotated: false, methods: { resources/read: 0s }, afterWrites: keep }`)
    for (let time = 0; time < 2; time += 1) {
      await get(one)
      await one.request("resources/read", { uri: "test://s/a" })
    }
    expect(server.seen).toHaveLength(4)
  })

  it("no errors, failed tools, retries and tasks", async () => {
    const answer: Script["answer"] = ({ params }) => {
      if (params["name"] === "peek") return { ...text("no"), isError: true }
      return params["arguments"] ? { error: { code: -32050, message: "own" } } : text("x")
    }
    const { one, server } = await counting("{}", { answer })
    for (let time = 0; time < 2; time += 1) {
      await expect(get(one)).rejects.toMatchObject({ code: -32050 })
      expect(await one.call("s_peek")).toMatchObject({ isError: true })
      await one.request("tools/call", { name: "s_get", inputResponses: {} })
      await one.request("tools/call", { name: "s_get", requestState: "x" })
    }
    expect(server.seen).toHaveLength(8)
  })

  it("not beyond its time, and again after it", async () => {
    const { one } = await counting("{ ttl: 50ms }")
    expect(await get(one)).toBe("answer 1")
    await expect.poll(() => get(one), { timeout: 10_000, interval: 20 }).not.toBe("answer 1")
  })

  it("what differs in _meta is another request, but not a progress token", async () => {
    const { one } = await counting()
    const ask = (_meta: JsonObject) => one.request("tools/call", { name: "s_get", _meta }).then(textOf)
    expect(await ask({ progressToken: 1 })).toBe("answer 1")
    expect(await ask({ progressToken: 2, traceparent: "00-1" })).toBe("answer 1")
    expect(await ask({ "x-tenant": "b" })).toBe("answer 2")
  })

  it("not more than the limits say", async () => {
    const answer: Script["answer"] = ({ params }) => text("x".repeat(Number((params["arguments"] as JsonObject)["n"])))
    const { one, server, metrics } = await counting("{ maxEntries: 2, maxEntryBytes: 1KiB }", { answer })
    for (const n of [1, 2, 3, 3, 2, 1]) await get(one, { n })
    expect(server.seen.map(({ params }) => (params["arguments"] as JsonObject)["n"])).toEqual([1, 2, 3, 1])
    for (const n of [2_000, 2_000]) await get(one, { n })
    expect(server.seen).toHaveLength(6)
    expect(metrics.of("mcp_host_cache_entries")).toEqual({ "": 2 })
  })
})

describe("for whom", () => {
  it("an answer is its principal's alone", async () => {
    const { client, server } = await counting()
    const [ann, bob] = [client({ key: "ann" }), client({ key: "bob" })]
    expect(await get(ann, {}, principal("ann"))).toBe("answer 1")
    expect(await get(bob, {}, principal("bob"))).toBe("answer 2")
    expect(await get(ann, {}, principal("ann"))).toBe("answer 1")
    expect(await get(bob, {}, principal("ann"))).toBe("answer 1")
    // At the same time, too, and whatever they are called.
    const odd = ["a", 'a"', "a\nb", "b", "", "\n"]
    await Promise.all(odd.map((id) => get(ann, { odd: true }, principal(id))))
    expect(server.seen).toHaveLength(2 + odd.length)
  })

  it("clients of other capabilities or of another generation get their own", async () => {
    const { client } = await counting()
    const as = (observer: Parameters<typeof client>[0]) => get(client(observer), {}, principal("one"))
    expect(await as({ key: "a" })).toBe("answer 1")
    expect(await as({ key: "b" })).toBe("answer 1")
    expect(await as({ key: "c", capabilities: { sampling: {} } })).toBe("answer 2")
    expect(await as({ key: "d", era: "modern" })).toBe("answer 3")
  })

  it("what a profile hides is not answered to it", async () => {
    const server = createScripted({ lists, answer: () => text("x") })
    const { client, host } = await start(
      `middleware: [cache]\nservers: { s: { mount: ./s.mjs } }\nprofiles: { p: { tools: { exclude: [s_get] } } }`,
      { files: { "s.mjs": server.code } },
    )
    const one = client()
    await get(one)
    await get(one)
    expect(server.seen).toHaveLength(1)
    const call = { method: "tools/call", params: { name: "s_get", arguments: {} } }
    await expect(host.profile("p")?.handle(call, one.context())).rejects.toMatchObject({ code: -32602 })
  })

  it("everybody gets what the server calls public; its time is never exceeded, and counts down", async () => {
    let reads = 0
    const hints: JsonObject[] = [
      { ttlMs: 3_600_000, cacheScope: "public" },
      { ttlMs: 0, cacheScope: "public" },
      { ttlMs: 5, cacheScope: "public" },
    ]
    const upstream = await startModernServer({
      capabilities: { resources: {} },
      lists: { "resources/list": { resources: [0, 1, 2].map((at) => ({ uri: `test://${at}`, name: `${at}` })) } },
      handle: ({ params }) => {
        const uri = String(params["uri"])
        reads += 1
        return { contents: [{ uri, text: `read ${reads}` }], ...hints[Number(uri.slice(-1))] }
      },
    })
    closers.push(() => upstream.close())
    const { client } = await start(`middleware: [cache]\nservers: { s: { mount: { url: "${upstream.url}" } } }`)
    const read = (who: string, at: number) =>
      client({ key: who, era: "modern" }).request("resources/read", { uri: `test://s/${at}` }, principal(who))
    const shown = async (who: string, at: number) => ((await read(who, at))["contents"] as JsonObject[])[0]?.["text"]
    expect(await shown("ann", 0)).toBe("read 1")
    expect(await shown("bob", 0)).toBe("read 1")
    await new Promise((resolve) => setTimeout(resolve, 30))
    const { ttlMs } = await read("bob", 0)
    expect(ttlMs).toBeLessThanOrEqual(3_600_000 - 30)
    expect(ttlMs).toBeGreaterThan(3_000_000)
    expect(await shown("ann", 1)).toBe("read 2")
    expect(await shown("ann", 1)).toBe("read 3")
    const first = await shown("ann", 2)
    await expect.poll(() => shown("ann", 2), { timeout: 10_000, interval: 20 }).not.toBe(first)
  })
})

describe("until when", () => {
  it("its server's list or the resource changes", async () => {
    const { one, server } = await counting()
    const read = async () => textOf(await one.request("resources/read", { uri: "test://s/a" }))
    await one.request("resources/subscribe", { uri: "test://s/a" })
    expect([await get(one), await read()]).toEqual(["answer 1", "answer 2"])
    await server.announce?.("notifications/resources/updated", { uri: "test://a" })
    await expect.poll(read, { timeout: 10_000 }).toBe("answer 3")
    expect(await get(one)).toBe("answer 1")
    await server.announce?.("notifications/tools/list_changed", {})
    // The list must be another for that to be a change.
    ;(lists.tools as JsonObject[]).push(tool("late"))
    await expect.poll(() => get(one), { timeout: 10_000 }).not.toBe("answer 1")
    lists.tools.pop()
  })

  it("a tool was called that may have changed something, unless that is not wanted", async () => {
    for (const [options, expected] of [
      ["{}", "answer 3"],
      ["{ afterWrites: keep }", "answer 1"],
    ] as const) {
      const { one } = await counting(options)
      expect(await get(one)).toBe("answer 1")
      await one.call("s_put")
      expect(await get(one)).toBe(expected)
    }
  })

  it("what was asked before a change and answered after it is not kept", async () => {
    const waiting: (() => void)[] = []
    const answer: Script["answer"] = async ({ params }) => {
      if (params["name"] === "get") await new Promise<void>((resolve) => waiting.push(resolve))
      return text(`answer ${server.seen.length}`)
    }
    const { one, server } = await counting("{}", { answer })
    const early = get(one)
    await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(1)
    await one.call("s_put")
    const late = get(one)
    await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(2)
    for (const go of waiting.splice(0)) go()
    await Promise.all([early, late])
    // The second was asked after the change.
    expect(await get(one)).toBe(await late)
    expect(server.seen.filter(({ params }) => params["name"] === "get")).toHaveLength(2)
  })

  it("a reload, which may have changed anything", async () => {
    const { one, server, directory, reload } = await counting()
    await get(one)
    await writeFile(
      path.join(directory, "mcp-host.yaml"),
      `middleware: [{ cache: {} }]\nservers: { s: { mount: ./s.mjs } }`,
    )
    await reload()
    await get(one)
    await get(one)
    expect(server.seen).toHaveLength(2)
  })
})

describe("large answers", () => {
  it("stay bytes, and outlive that one of them was sent", async () => {
    let calls = 0
    const upstream = await startModernServer({
      lists: { "tools/list": { tools: [tool("get", true)] } },
      handle: () => {
        calls += 1
        return { ...text(`${calls} ${"x".repeat(100_000)}`), ...(calls === 1 && { isError: true }) }
      },
    })
    closers.push(() => upstream.close())
    const { host, client } = await start(`middleware: [cache]\nservers: { s: { mount: { url: "${upstream.url}" } } }`)
    const one = client()
    const call = async () => {
      const result = await host.handle(
        { method: "tools/call", params: { name: "s_get", arguments: {} } },
        one.context(),
      )
      if (!(result instanceof RawResult)) throw new Error("it was parsed")
      const shown = Buffer.concat(result.bytes).toString()
      // As an endpoint does when it is out.
      result.sent()
      return shown.slice(0, 60)
    }
    expect(await call()).toContain('"1 x')
    // The first was an error.
    const [second, ...others] = await Promise.all([call(), call(), call()])
    expect(second).toContain('"2 x')
    expect([...others, await call(), await call()]).toEqual([second, second, second, second])
    expect(calls).toBe(2)
  })
})

describe("options", () => {
  it.each([
    ["{ ttl: soon }", /1:30 MANIFEST_INVALID_VALUE middleware\[0\]\.cache\.ttl must be a duration/],
    ["{ maxBytes: 5 }", /1:35 MANIFEST_INVALID_VALUE middleware\[0\]\.cache\.maxBytes must be a size/],
    ["{ tools: { get: 1 } }", /MANIFEST_INVALID_VALUE middleware\[0\]\.cache\.tools\.get must be a duration/],
    ["{ methods: { tools/list: 1m } }", /MANIFEST_UNKNOWN_KEY/],
    ["{ maxEntries: 0 }", /maxEntries must be a whole number from 1/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ cache: ${options} }]\nservers: {}`).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ManifestError)
    const [problem] = (error as ManifestError).problems
    expect(`${problem?.place.line}:${problem?.place.column} ${problem?.code} ${problem?.message}`).toMatch(expected)
  })
})
