/** What every upstream can do, whatever carries it. Run over all kinds of servers by `upstream.test.ts`. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import type { ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, McpRequest } from "../../src/protocol/messages.ts"
import { closeAll } from "../fixtures/harness.ts"
import { createClient, createContext, type TestContext } from "../wire/support.ts"
import { create, isAlive, ready, soon, type TestUpstream } from "./support.ts"

export interface UpstreamKind {
  readonly name: string
  /** The generation of the client. */
  readonly client: "legacy" | "modern"
  /** The generation the server ends up being spoken to in. */
  readonly speaks: "legacy" | "modern"
  /** Makes the entry, and a check that the server has nothing open any more. */
  readonly start: () => Promise<{ readonly entry: ServerEntry; readonly gone?: () => void }>
  /** False for servers that cannot reach their client outside an answer. */
  readonly announces?: boolean
  /** False for servers that cannot be told to stop. */
  readonly cancels?: boolean
}

const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} }

export function testUpstream(kind: UpstreamKind): void {
  const { announces = true, cancels = true } = kind
  const asks = kind.speaks === "modern" || (kind.client === "legacy" && announces)

  describe(`${kind.name}, ${kind.client} client`, () => {
    const client = createClient({ key: "ann", era: kind.client, capabilities })
    let test: TestUpstream
    let gone: () => void = () => undefined

    beforeAll(async () => {
      const { entry, gone: check } = await kind.start()
      gone = check ?? gone
      test = create(entry)
      await ready(test.upstream, client)
      await test.upstream.prepare(client)
    })
    afterAll(closeAll)

    const send = async (method: string, params: JsonObject, context?: TestContext): Promise<JsonObject> => {
      const { value } = await test.upstream.handle({ method, params }, context ?? createContext({ client }))
      return value
    }
    const call = (name: string, args: JsonObject = {}, context?: TestContext): Promise<JsonObject> =>
      send("tools/call", { name, arguments: args }, context)
    const textOf = (value: JsonObject): unknown =>
      JSON.parse(((value["content"] as JsonObject[])[0] as JsonObject)["text"] as string)
    const names = (): unknown[] => (test.upstream.listing(client)?.tool ?? []).map((tool) => tool["name"])

    it("is ready, and says what it speaks", () => {
      expect(test.upstream.state).toMatchObject({ state: "ready", era: kind.speaks })
      expect(test.upstream.info(client)?.instructions).toMatch(/^Instructions of /)
      expect(test.upstream.info(client)?.capabilities).toHaveProperty("tools")
      expect(test.upstream.info(client)?.serverInfo).toHaveProperty("title")
    })

    it("lists everything, with fields nobody knows", () => {
      const listing = test.upstream.listing(client)
      expect(names()).toEqual(expect.arrayContaining(["echo", "add", "slow", "ask", "addTool"]))
      expect(listing?.tool.find((tool) => tool["name"] === "echo")).toMatchObject({
        annotations: { readOnlyHint: true },
        _meta: { tags: ["public"], "x-tool": { kept: true } },
      })
      expect(listing?.resource.map((resource) => resource["uri"])).toEqual([
        "test://a",
        "test://blob",
        "file:///tmp/fixture.txt",
        "urn:isbn:123",
        "https://example.com/doc",
        "ui://fixture/widget",
      ])
      expect(listing?.resourceTemplate.map((template) => template["uriTemplate"])).toEqual(["test://items/{id}"])
      expect(listing?.prompt.map((prompt) => prompt["name"])).toEqual(["greet"])
    })

    it("calls, and unknown fields survive both ways", async () => {
      const params = { name: "echo", arguments: { text: "hi" }, _meta: { "x-sent": { deep: [1, null] } } }
      expect(await send("tools/call", params)).toMatchObject({
        content: [{ type: "text", text: "hi", annotations: { priority: 0.5 }, _meta: { "x-content": 1 } }],
        _meta: { "x-meta": { kept: true }, received: { "x-sent": { deep: [1, null] } } },
        "x-extra": { kept: [1, "two", null] },
      })
    })

    it("gives structured results and tool errors as they are", async () => {
      expect(await call("add", { a: 2, b: 3 })).toMatchObject({ structuredContent: { sum: 5 } })
      expect(await call("fail")).toMatchObject({ isError: true, "x-extra": "kept" })
    })

    it("reads, by URI and by template", async () => {
      expect(await send("resources/read", { uri: "test://a" })).toMatchObject({
        contents: [{ uri: "test://a", text: "text of test://a", "x-content": 1 }],
        _meta: { "x-meta": { kept: true } },
        "x-extra": "kept",
      })
      expect(await send("resources/read", { uri: "test://blob" })).toMatchObject({ contents: [{ blob: "AAEC" }] })
      expect(await send("resources/read", { uri: "test://items/7" })).toMatchObject({ contents: [{ text: "item 7" }] })
    })

    it("prompts and completes", async () => {
      expect(await send("prompts/get", { name: "greet", arguments: { name: "Ada" } })).toMatchObject({
        messages: [{ content: { text: "Greet Ada" } }, { content: { type: "resource" } }, {}],
        "x-extra": "kept",
      })
      const complete = (ref: JsonObject, argument: JsonObject) => send("completion/complete", { ref, argument })
      expect(
        await complete({ type: "ref/resource", uri: "test://items/{id}" }, { name: "id", value: "1" }),
      ).toMatchObject({ completion: { values: ["1", "10", "11"] } })
      expect(await complete({ type: "ref/prompt", name: "greet" }, { name: "name", value: "a" })).toMatchObject({
        completion: { values: ["Ada", "Alan"] },
      })
    })

    it("gives errors verbatim", async () => {
      const missing = send("resources/read", { uri: "test://items/missing" })
      await expect(missing).rejects.toMatchObject({
        code: expect.toBeOneOf([-32602, -32002]),
        message: expect.stringContaining("not found"),
        data: { uri: "test://items/missing" },
      })
      await expect(send("x/unknown", {})).rejects.toMatchObject({ code: -32601 })
    })

    it.each([
      ["a string", "tok"],
      ["a number", 3],
    ])("restores a progress token that is %s", async (_what, token) => {
      const context = createContext({ client })
      const params = { name: "slow", arguments: { ms: 60, steps: 3 }, _meta: { progressToken: token } }
      await send("tools/call", params, context)
      expect(context.seen).toMatchObject(
        [1, 2, 3].map((progress) => ({
          method: "notifications/progress",
          params: { progressToken: token, progress, total: 3, "x-progress": progress },
        })),
      )
    })

    it("sends log messages along the call that caused them", async () => {
      const [loud, quiet] = [createContext({ client, logLevel: "debug" }), createContext({ client })]
      await Promise.all([call("log", { text: "for the loud" }, loud), call("echo", { text: "x" }, quiet)])
      if (!announces && kind.speaks === "legacy") return
      const logged = { method: "notifications/message", params: { level: "info", data: "for the loud" } }
      expect([...loud.seen, ...client.seen]).toContainEqual(
        expect.objectContaining({ params: expect.objectContaining(logged.params) }),
      )
      expect(quiet.seen).toEqual([])
    })

    it.runIf(cancels)("tells the server to cancel", async () => {
      const before = (textOf(await call("stats")) as JsonObject)["cancelled"] as number
      const controller = new AbortController()
      const context = createContext({ client, signal: controller.signal })
      const params = { name: "slow", arguments: { ms: 60_000, steps: 3_000 }, _meta: { progressToken: 1 } }
      const pending = send("tools/call", params, context).then(
        () => "answered",
        () => "cancelled",
      )
      await vi.waitFor(() => expect(context.seen.length).toBeGreaterThan(0), soon)
      controller.abort()
      expect(await pending).toBe("cancelled")
      await vi.waitFor(async () => expect(textOf(await call("stats"))).toMatchObject({ cancelled: before + 1 }), soon)
      const told = context.seen.length
      await call("echo", { text: "x" })
      expect(context.seen).toHaveLength(told)
    })

    it.runIf(asks)("puts questions to the client whose call caused them", async () => {
      const other = createClient({ key: "bob", era: kind.client, capabilities })
      const asking = async (who: Client, question: string): Promise<JsonObject> =>
        call("ask", { question }, createContext({ client: who }))
      test.asked.length = 0
      const results = await Promise.all(
        [1, 2, 3].flatMap((number) => [asking(client, `ann ${number}?`), asking(other, `bob ${number}?`)]),
      )
      if (kind.client === "modern") {
        // A modern client is asked through its result and answers with the next request.
        const [first] = results
        expect(first).toMatchObject({
          resultType: "input_required",
          inputRequests: { question: { method: "elicitation/create", params: { message: "ann 1?" } } },
        })
        expect(test.asked).toEqual([])
        const params: JsonObject = {
          name: "ask",
          arguments: { question: "ann 1?" },
          inputResponses: { question: { action: "accept", content: { answer: "yes" } } },
        }
        const state = first?.["requestState"]
        if (state !== undefined) params["requestState"] = state
        expect(textOf(await send("tools/call", params))).toEqual({ action: "accept", content: { answer: "yes" } })
        return
      }
      expect(results.map(textOf)).toEqual(
        ["ann 1?", "bob 1?", "ann 2?", "bob 2?", "ann 3?", "bob 3?"].map((question) => ({
          action: "accept",
          content: { answer: `re: ${question}` },
        })),
      )
      const askers = test.asked.map(({ client: { key }, request }) => [
        key,
        String(request.params["message"]).slice(0, 3),
      ])
      expect(askers).toHaveLength(6)
      for (const [key, name] of askers) expect(key).toBe(name)
      test.upstream.release(other)
    })

    it.runIf(asks && kind.client === "legacy")(
      "asks for everything a client can be asked for, more than once",
      async () => {
        expect(textOf(await call("askTwice"))).toMatchObject([
          { content: { answer: "re: First?" } },
          { content: { answer: "re: Second?" } },
        ])
        expect(textOf(await call("sample"))).toMatchObject({ model: "test-model" })
        expect(textOf(await call("roots"))).toMatchObject({ roots: [{ uri: "file:///root" }] })
      },
    )

    it("does not ask a client that cannot be asked", async () => {
      const mute = createClient({ key: "mute", era: kind.client, capabilities: {} })
      test.asked.length = 0
      await call("ask", { question: "?" }, createContext({ client: mute })).catch(() => undefined)
      // An in-process server is shared: there the host refuses, which is not this room's business.
      if (!(kind.name.startsWith("local") && kind.speaks === "legacy")) expect(test.asked).toEqual([])
      test.upstream.release(mute)
    })

    it.runIf(announces)("tells of a resource that was subscribed to, until it no longer is", async () => {
      const uri = "test://a"
      const updates = () => test.events.filter((event) => event.type === "updated")
      await send("resources/subscribe", { uri })
      await call("touch", { uri })
      await vi.waitFor(() => expect(updates()).toHaveLength(1), soon)
      expect(updates()[0]).toMatchObject({ uri, clients: [{ key: "ann" }] })
      await send("resources/unsubscribe", { uri })
      await call("touch", { uri })
      await call("echo", { text: "x" })
      expect(updates()).toHaveLength(1)
    })

    it.runIf(announces)("lists again when the server announces a change", async () => {
      const before = test.upstream.listing(client)
      test.events.length = 0
      await call("addTool", { name: "extra" })
      await vi.waitFor(() => expect(names()).toContain("extra"), soon)
      expect(test.events).toContainEqual({ type: "changed" })
      expect(before?.tool.map((tool) => tool["name"])).not.toContain("extra")
      expect(await call("extra")).toMatchObject({ content: [{ text: "extra here" }] })
      await call("removeTool", { name: "extra" })
      await vi.waitFor(() => expect(names()).not.toContain("extra"), soon)
    })

    it("is cancelled before it is sent when the client has left already", async () => {
      const context = createContext({ client, signal: AbortSignal.abort() })
      await expect(call("echo", { text: "x" }, context)).rejects.toThrow()
    })

    it("leaves nothing behind when it is closed, and answers what was in flight", async () => {
      const { pid } = test.upstream.state
      const pending = call("slow", { ms: 60_000 }).catch((error: unknown) => error)
      await call("echo", { text: "x" })
      await test.upstream.close()
      await test.upstream.close()
      expect(await pending).toMatchObject({ code: -31001, data: { server: "server", sent: "maybe" } })
      expect(test.upstream.state.state).toBe("stopped")
      const after: McpRequest = { method: "tools/call", params: { name: "echo", arguments: { text: "x" } } }
      await expect(test.upstream.handle(after, createContext({ client }))).rejects.toMatchObject({
        code: -31001,
        data: { server: "server", sent: "no" },
      })
      if (pid !== undefined) expect(isAlive(pid)).toBe(false)
      await vi.waitFor(() => gone(), soon)
    })
  })
}
