/** `resourcesAsTools`: what the client may read, as two tools, of all servers or of one. */
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll } from "./files.ts"
import { raw, start } from "./support.ts"

afterEach(closeAll)

const uris = (result: JsonObject): unknown[] =>
  ((result["structuredContent"] as JsonObject)["resources"] as JsonObject[]).map(({ uri }) => uri)

/** A server with these resources and no tools. */
const shelf = (resources: readonly JsonObject[], more = "") =>
  `{ mount: ${raw}, config: { bare: true, capabilities: { resources: {} }, lists: ${JSON.stringify({ resources, resourceTemplates: [{ uriTemplate: "box://{id}", name: "box" }] })} }${more} }`

describe("around a manifest", () => {
  it("lists what the client sees, templates too, and reads it by the URIs it shows", async () => {
    const { client } = await start(`middleware: [resourcesAsTools]
servers:
  a: ${shelf(
    [
      { uri: "doc://one", name: "one", mimeType: "text/plain", description: "The first.", size: 3 },
      { uri: "doc://hidden", name: "hidden" },
    ],
    ", resources: { exclude: ['doc://hidden'] }",
  )}
  b: ${shelf([{ uri: "doc://two", name: "two" }])}`)
    const one = client()
    expect(await one.tools()).toEqual(["list_resources", "read_resource"])
    const listed = await one.call("list_resources")
    expect(listed["structuredContent"]).toEqual({
      resources: [
        { uri: "doc://a/one", name: "one", mimeType: "text/plain", description: "The first.", size: 3 },
        { uri: "doc://b/two", name: "two" },
      ],
      resourceTemplates: [
        { uriTemplate: "box://a/{id}", name: "box" },
        { uriTemplate: "box://b/{id}", name: "box" },
      ],
    })
    expect(JSON.parse(textOf(listed))).toEqual(listed["structuredContent"])
    expect(await one.call("read_resource", { uri: "doc://a/one" })).toEqual({
      content: [{ type: "text", text: "text of doc://one" }],
    })
    expect(await one.call("read_resource", { uri: "box://b/7" })).toMatchObject({
      content: [{ text: "text of box://7" }],
    })
  })

  it("says what a model can correct in words, and never what a filter hides", async () => {
    const { client } = await start(`middleware: [{ resourcesAsTools: { listName: shelf } }]
servers: { a: ${shelf([{ uri: "doc://hidden", name: "hidden" }], ", resources: { exclude: ['doc://*'] }")} }`)
    const one = client()
    for (const uri of ["doc://a/hidden", "doc://a/none", "nothing"])
      expect(await one.call("read_resource", { uri })).toEqual({
        content: [{ type: "text", text: `Resource not found: ${uri}. shelf says which resources there are.` }],
        isError: true,
      })
    expect(await one.call("read_resource")).toMatchObject({ isError: true })
    expect(uris(await one.call("shelf"))).toEqual([])
  })

  it("goes through all pages of a list", async () => {
    const many = Array.from({ length: 6_000 }, (_, at) => ({ uri: `doc://${at}`, name: `${at}` }))
    const { client } = await start(`middleware: [resourcesAsTools]\nservers: { a: ${shelf(many)} }`)
    const one = client()
    const page = (await one.request("resources/list"))["resources"] as JsonObject[]
    expect(page.length).toBeLessThan(6_000)
    expect(new Set(uris(await one.call("list_resources"))).size).toBe(6_000)
  })

  it("gives embedded resources where they are wanted, and pictures as pictures", async () => {
    const contents = [
      { uri: "doc://one", text: "text", mimeType: "text/plain" },
      { uri: "doc://two", blob: "aGk=", mimeType: "image/png" },
      { uri: "doc://three", blob: "aGk=", mimeType: "application/pdf" },
    ]
    const reading = `export default ({}) => ({ async connect(t) { t.onmessage = (m) => { if (m.id === undefined) return
  const result = m.method === "initialize" ? { protocolVersion: "2025-11-25", capabilities: { resources: {} }, serverInfo: { name: "r", version: "1" } }
    : m.method === "resources/read" ? { contents: ${JSON.stringify(contents)}, _meta: { kept: true } } : { resources: [{ uri: "doc://one", name: "one" }], resourceTemplates: [] }
  return t.send({ jsonrpc: "2.0", id: m.id, result }) }; await t.start() }, async close() {} })`
    for (const [content, first] of [
      ["text", { type: "text", text: "text" }],
      ["resource", { type: "resource", resource: { uri: "doc://r/one", text: "text", mimeType: "text/plain" } }],
    ]) {
      const { client } = await start(
        `middleware: [{ resourcesAsTools: { content: ${content} } }]\nservers: { r: { mount: ./r.mjs } }`,
        { files: { "r.mjs": reading } },
      )
      expect(await client().call("read_resource", { uri: "doc://r/one" })).toEqual({
        _meta: { kept: true },
        content: [
          first,
          { type: "image", data: "aGk=", mimeType: "image/png" },
          { type: "resource", resource: { uri: "doc://r/three", blob: "aGk=", mimeType: "application/pdf" } },
        ],
      })
    }
  })

  it("shows what a profile shows", async () => {
    const { client, host } = await start(`middleware: [resourcesAsTools]
servers: { a: ${shelf([{ uri: "doc://one", name: "one" }])}, b: ${shelf([{ uri: "doc://two", name: "two" }])} }
profiles: { p: { servers: [b] } }`)
    const one = client()
    const handle = host.profile("p")?.handle ?? host.handle
    const call = async (name: string, args: JsonObject) =>
      (await handle({ method: "tools/call", params: { name, arguments: args } }, one.context())).value
    expect(uris(await call("list_resources", {}))).toEqual(["doc://b/two"])
    expect(await call("read_resource", { uri: "doc://a/one" })).toMatchObject({ isError: true })
  })

  it("says that there are tools, also where no server has any", async () => {
    const { client } = await start(
      `servers: { a: ${shelf([{ uri: "doc://one", name: "one" }], ", middleware: [resourcesAsTools]")} }`,
    )
    expect(await client().request("initialize")).toMatchObject({ capabilities: { tools: {}, resources: {} } })
  })
})

describe("around a server", () => {
  it("lists and reads that server's only, by the URIs that clients use", async () => {
    const { client } = await start(`servers:
  a: ${shelf([{ uri: "doc://one", name: "one" }], ", middleware: [{ resourcesAsTools: { content: resource } }]")}
  b: ${shelf([{ uri: "doc://two", name: "two" }])}`)
    const one = client()
    expect(await one.tools()).toEqual(["a_list_resources", "a_read_resource"])
    const listed = await one.call("a_list_resources")
    expect(listed["structuredContent"]).toEqual({
      resources: [{ uri: "doc://a/one", name: "one" }],
      resourceTemplates: [{ uriTemplate: "box://a/{id}", name: "box" }],
    })
    expect(await one.call("a_read_resource", { uri: "doc://a/one" })).toEqual({
      content: [{ type: "resource", resource: { uri: "doc://a/one", text: "text of doc://one" } }],
    })
    expect(await one.call("a_read_resource", { uri: "doc://b/two" })).toMatchObject({ isError: true })
  })

  it("works in a manifest inside another", async () => {
    const { client } = await start(`servers: { team: { mount: { manifest: ./team.yaml } } }`, {
      files: {
        "team.yaml": `middleware: [resourcesAsTools]\nservers: { a: ${shelf([{ uri: "doc://one", name: "one" }], ", middleware: [{ resourcesAsTools: { content: resource } }]")} }`,
      },
    })
    const one = client()
    const [uri] = uris(await one.call("team_list_resources"))
    expect(await one.call("team_read_resource", { uri: String(uri) })).toMatchObject({
      content: [{ text: "text of doc://one" }],
    })
    expect(await one.call("team_a_read_resource", { uri: String(uri) })).toMatchObject({
      content: [{ resource: { uri: "doc://team/a/one" } }],
    })
  })
})

it.each([
  ["{ resourcesAsTools: { listName: 'a b' } }", /1:\d+ .*listName must be a name of at most 128/],
  ["{ resourcesAsTools: { content: html } }", /1:\d+ .*content must be "text" or "resource"/],
  ["{ resourcesAsTools: { read: x } }", /1:\d+ .*unknown key "read".*Allowed: listName, readName, content/],
])("%s is refused at its place", async (item, expected) => {
  const error = await start(`middleware: [${item}]\nservers: {}`).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ManifestError)
  const [problem] = (error as ManifestError).problems
  expect(`${problem?.place.line}:${problem?.place.column} ${problem?.message}`).toMatch(expected)
})

function textOf(result: JsonObject): string {
  return String((result["content"] as JsonObject[])[0]?.["text"])
}
