/** Errors that concern the hop to a modern server: what the host does about them, and what clients get to see. */
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { closeAll } from "../fixtures/harness.ts"
import type { ModernMessage } from "../fixtures/servers/modern.mjs"
import { soon } from "../upstreams/support.ts"
import { able, legacyClient, modernClient, startCrossing, tool } from "./crossingSupport.ts"

afterEach(closeAll)

const region = (header: string): JsonObject => ({
  inputSchema: { type: "object", properties: { region: { type: "string", "x-mcp-header": header } } },
})
const mismatch = { status: 400, error: { code: -32020, message: "Header mismatch: Mcp-Param-Zone is missing" } }
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => Promise.reject(new Error(`it succeeded: ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  )

/** A server whose tool wants its argument in a header that changes, without an announcement. */
async function changing(pages: (header: string) => (message: ModernMessage) => JsonObject) {
  const state = { header: "Region" }
  const crossing = await startCrossing({
    lists: { "tools/list": (message) => pages(state.header)(message) },
    handle: ({ params }, headers) => {
      const { region: wanted } = params["arguments"] as JsonObject
      return headers[`mcp-param-${state.header.toLowerCase()}`] === wanted ? { content: [] } : mismatch
    },
  })
  return { ...crossing, state }
}
const onePage = (header: string) => (): JsonObject => ({ tools: [tool("t", region(header))] })
const call = { name: "m_t", arguments: { region: "eu" } }

describe.each<[string, () => Client]>([
  ["legacy", legacyClient],
  ["modern", modernClient],
])("a header mismatch, %s client", (_era, create) => {
  it("has the tools listed again and the call made once more", async () => {
    const { request, server, state } = await changing(onePage)
    const client = create()
    expect(await request(client, "tools/call", call)).toMatchObject({ content: [] })
    state.header = "Zone"
    const lists = server.of("tools/list").length
    expect(await request(client, "tools/call", call)).toMatchObject({ content: [] })
    expect(server.of("tools/call")).toHaveLength(3)
    expect(new Set(server.of("tools/call").map(({ id }) => id)).size).toBe(3)
    expect(server.of("tools/list").length).toBeGreaterThan(lists)
    // The catalogue follows: clients check and write these headers, too.
    await vi.waitFor(async () => {
      const { tools } = await request(client, "tools/list")
      expect((tools as JsonObject[])[0]?.["inputSchema"]).toEqual(region("Zone")["inputSchema"])
    }, soon)
    await request(client, "tools/call", call)
    expect(server.of("tools/call")).toHaveLength(4)
  })

  it("finds the tool on a later page", async () => {
    const { request, server, state } = await changing((header) => ({ params }) => {
      if (params["cursor"] === "2") return { tools: [tool("t", region(header))], nextCursor: "3" }
      return params["cursor"] === "3" ? { tools: [tool("last")] } : { tools: [tool("first")], nextCursor: "2" }
    })
    state.header = "Zone"
    expect(await request(create(), "tools/call", call)).toMatchObject({ content: [] })
    expect(server.of("tools/call")).toHaveLength(2)
  })

  it("that stays is the host's problem, and told once", async () => {
    const { request, server } = await startCrossing({
      lists: { "tools/list": { tools: [tool("t")] } },
      handle: () => mismatch,
    })
    const client = create()
    expect(await failure(request(client, "tools/call", call))).toMatchObject({
      code: -31003,
      message: "m: refused the request: Header mismatch: Mcp-Param-Zone is missing",
      data: { server: "m", sent: "no", retryable: false },
    })
    expect(server.of("tools/call")).toHaveLength(2)
  })
})

it("only calls of tools are made again", async () => {
  const { request, server } = await startCrossing({
    capabilities: { resources: {} },
    lists: { "resources/list": { resources: [{ uri: "test://a", name: "a" }] } },
    handle: () => mismatch,
  })
  const reading = request(modernClient(), "resources/read", { uri: "test://m/a" })
  expect(await failure(reading)).toMatchObject({ code: -31003 })
  expect(server.of("resources/read")).toHaveLength(1)
})

describe("a missing client capability", () => {
  const refusing = (requiredCapabilities: JsonObject) =>
    startCrossing({
      lists: { "tools/list": { tools: [tool("t")] } },
      handle: () => ({ status: 400, error: { code: -32021, message: "Missing", data: { requiredCapabilities } } }),
    })
  const of = async (required: JsonObject, client: Client) =>
    failure((await refusing(required)).request(client, "tools/call", { name: "m_t" }))
  const extensions = { "com.example/x": {} }

  it("that the client lacks is told as it is", async () => {
    const required = { sampling: {} }
    const error = { code: -32021, message: "Missing", data: { requiredCapabilities: required } }
    expect(await of(required, modernClient({ capabilities: {} }))).toMatchObject(error)
    expect(await of({ sampling: {}, extensions }, modernClient())).toMatchObject({ code: -32021 })
  })

  it("that the client has and the host cannot carry is the host's problem", async () => {
    const client = modernClient({ capabilities: { ...able, extensions } })
    expect(await of({ extensions }, client)).toMatchObject({ code: -31003, data: { server: "m", sent: "no" } })
  })
})

it("a resource that is not there has the code of the client's generation", async () => {
  const data = { uri: "test://a" }
  const { request } = await startCrossing({
    capabilities: { resources: {} },
    lists: { "resources/list": { resources: [{ uri: "test://a", name: "a" }] } },
    handle: () => ({ error: { code: -32602, message: "Resource not found", data } }),
  })
  const read = (client: Client) => failure(request(client, "resources/read", { uri: "test://m/a" }))
  const shown = { message: "Resource not found", data: { uri: "test://m/a" } }
  expect(await read(legacyClient())).toMatchObject({ code: -32002, ...shown })
  expect(await read(modernClient())).toMatchObject({ code: -32602, ...shown })
})
