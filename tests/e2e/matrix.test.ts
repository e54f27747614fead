/** Everything a client does, for each kind of client over each transport, against servers of every kind behind one host. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { racesTheClock } from "../fixtures/noise.ts"
import { startHttpFixture } from "../fixtures/servers/http.mjs"
import {
  closeAll,
  closers,
  connectTo,
  describeEras,
  ended,
  eraOf,
  fixture,
  fixturePackage,
  type ManifestText,
  until,
} from "./rig.ts"
import type { TestClient } from "./testClient.ts"

/** Servers with the catalogue of the fixtures; `one` and `web1` know the legacy generation only, `web2` only the modern. */
const catalogued = ["one", "two", "web1", "both", "web2", "loc1", "loc2"] as const

async function servers(): Promise<ManifestText["servers"]> {
  const [web1, both, web2] = await Promise.all([
    startHttpFixture("v1", { name: "web1" }),
    startHttpFixture("both", { name: "both" }),
    startHttpFixture("v2-modern-only", { name: "web2" }),
  ])
  for (const server of [web1, both, web2]) closers.push(() => server.close())
  return {
    one: { mount: fixture("v1-stdio.mjs", { FIXTURE_NAME: "one" }) },
    two: { mount: fixture("v2-stdio.mjs", { FIXTURE_NAME: "two" }) },
    web1: { mount: { url: web1.url } },
    both: { mount: { url: both.url } },
    web2: { mount: { url: web2.url } },
    loc1: { mount: fixturePackage("v1-mcp") },
    loc2: { mount: fixturePackage("v2-mcp") },
    many: { mount: fixture("recording.mjs", { TOOLS: "5500", PAGE: "500" }) },
  }
}

/** The question a server asked, with the name of who asks in front. */
const saying = (text: string) => expect.stringMatching(new RegExp(`^.+: ${text.replace("?", "\\?")}$`))

describeEras("matrix", (kind, transport) => {
  const era = eraOf(kind)
  let client: TestClient

  beforeAll(async () => {
    const host = { name: "rig", title: "The rig", version: "1.2.3", instructions: "Host first." }
    client = await connectTo({ host, servers: await servers() }, { kind, transport })
  })

  afterAll(async () => {
    const pids = [client.pid, await client.json("one_whoami").then(({ pid }) => pid)].filter((pid) => pid !== undefined)
    await closeAll()
    await ended(pids)
  })

  it("introduces itself", async () => {
    expect(client.era).toBe(era)
    expect(client.version).toBe(era === "modern" ? "2026-07-28" : "2025-11-25")
    expect(client.serverInfo).toMatchObject({ name: "rig", title: "The rig", version: "1.2.3" })
    expect(client.capabilities).toMatchObject({
      tools: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      prompts: { listChanged: true },
      completions: {},
      logging: {},
    })
    expect(client.instructions).toMatch(/^Host first\./)
    if (transport === "HTTP") {
      for (const key of ["one", "two", "web1", "both", "web2"]) {
        expect(client.instructions).toContain(`Instructions of ${key}.`)
      }
    }
  })

  it("lists everything, on several pages, the same each time", async () => {
    const { items, pages } = await client.list("tools/list", "tools")
    expect(pages).toBe(2)
    const names = items.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const key of catalogued) expect(names).toEqual(expect.arrayContaining([`${key}_echo`, `${key}_ask`]))
    expect(names.filter((name) => name.startsWith("many_"))).toHaveLength(5500)
    const again = await client.list("tools/list", "tools")
    expect(again.items.map(({ name }) => name)).toEqual(names)

    const uris = (await client.list("resources/list", "resources")).items.map(({ uri }) => uri)
    for (const key of catalogued) {
      expect(uris).toEqual(expect.arrayContaining([`test://${key}/a`, `file://${key}//tmp/fixture.txt`]))
    }
    const templates = (await client.list("resources/templates/list", "resourceTemplates")).items
    expect(templates.map(({ uriTemplate }) => uriTemplate)).toEqual(catalogued.map((key) => `test://${key}/items/{id}`))
    const prompts = (await client.list("prompts/list", "prompts")).items
    expect(prompts.map(({ name }) => name)).toEqual(catalogued.map((key) => `${key}_greet`))
  })

  it("refuses a cursor that is none", async () => {
    await expect(client.request("tools/list", { cursor: "nonsense" })).rejects.toMatchObject({ code: -32602 })
  })

  it.each(catalogued)("calls %s", async (key) => {
    const echoed = await client.call(`${key}_echo`, { text: "hi" }, { meta: { "x-sent": 1 } })
    expect(echoed).toMatchObject({
      content: [{ type: "text", text: "hi", _meta: { "x-content": 1 } }],
      _meta: { "x-meta": { kept: true }, received: { "x-sent": 1 } },
      "x-extra": { kept: [1, "two", null] },
    })
    const added = await client.call(`${key}_add`, { a: 2, b: 3 })
    expect(added).toMatchObject({ structuredContent: { sum: 5 } })
    const failed = await client.call(`${key}_fail`)
    expect(failed).toMatchObject({ isError: true, content: [{ text: "It failed, as asked" }], "x-extra": "kept" })
    expect(await client.call(`${key}_boom`)).toMatchObject({ isError: true, content: [{ text: "boom" }] })
    expect(await client.call(`${key}_add`, { a: "x" })).toMatchObject({ isError: true })
    const linked = await client.call(`${key}_link`)
    expect(linked["content"][0]).toMatchObject({ type: "resource_link", uri: `test://${key}/a` })
    expect(linked["_meta"].ui.resourceUri).toBe(`ui://${key}/fixture/widget`)
    for (const { uri, resource } of linked["content"]) {
      const contents = (await client.request("resources/read", { uri: uri ?? resource.uri }))["contents"]
      expect(contents[0]).toMatchObject({ uri: uri ?? resource.uri })
    }
  })

  it("answers names nobody has as unknown", async () => {
    await expect(client.call("nobody_echo")).rejects.toMatchObject({ code: -32602 })
    await expect(client.call("one_nothing")).rejects.toMatchObject({ code: -32602 })
    await expect(client.request("prompts/get", { name: "nobody" })).rejects.toMatchObject({ code: -32602 })
    // Version 2 of the SDK turns the -32002 of earlier revisions into the -32602 of its own.
    const code = kind === "v1" ? -32002 : -32602
    await expect(client.request("resources/read", { uri: "test://nobody/a" })).rejects.toMatchObject({ code })
  })

  it.each(catalogued)("reads, prompts and completes with %s", async (key) => {
    const read = async (uri: string) => (await client.request("resources/read", { uri }))["contents"]
    expect(await read(`test://${key}/a`)).toMatchObject([{ uri: `test://${key}/a`, text: "text of test://a" }])
    expect(await read(`test://${key}/blob`)).toMatchObject([{ blob: "AAEC" }])
    expect(await read(`test://${key}/items/7`)).toMatchObject([{ uri: `test://${key}/items/7`, text: "item 7" }])
    const missing = client.request("resources/read", { uri: `test://${key}/items/missing` })
    await expect(missing).rejects.toMatchObject({ data: { uri: `test://${key}/items/missing` } })
    const prompt = await client.request("prompts/get", { name: `${key}_greet`, arguments: { name: "Ada" } })
    expect(prompt).toMatchObject({
      messages: [
        { content: { text: "Greet Ada" } },
        { content: { resource: { uri: `test://${key}/a` } } },
        { content: { uri: `file://${key}//tmp/fixture.txt` } },
      ],
      "x-extra": "kept",
    })
    const complete = async (ref: object, argument: object) =>
      (await client.request("completion/complete", { ref, argument }))["completion"].values
    const name = { type: "ref/prompt", name: `${key}_greet` }
    expect(await complete(name, { name: "name", value: "A" })).toEqual(["Ada", "Alan"])
    const template = { type: "ref/resource", uri: `test://${key}/items/{id}` }
    expect(await complete(template, { name: "id", value: "1" })).toEqual(["1", "10", "11"])
  })

  it.each(catalogued)("reports the progress of %s", racesTheClock, async (key) => {
    const seen: number[] = []
    await client.call(`${key}_slow`, { ms: 300, steps: 3 }, { onprogress: ({ progress }) => seen.push(progress) })
    // The client drops progress that arrives in one chunk with the result; the raw client of the fidelity tests does not.
    expect(seen.length).toBeGreaterThan(0)
    expect(seen).toEqual([1, 2, 3].slice(0, seen.length))
  })

  it.each(catalogued)("cancels a call to %s", async (key) => {
    const { cancelled } = await client.json(`${key}_stats`)
    const controller = new AbortController()
    let progressed = false
    const onprogress = () => {
      progressed = true
    }
    const options = { signal: controller.signal, onprogress }
    const pending = client.call(`${key}_slow`, { ms: 60_000, steps: 1_000 }, options)
    pending.catch(() => undefined)
    await until("the call is under way", () => progressed)
    controller.abort("enough")
    await expect(pending).rejects.toThrow()
    await until("the server observes it", async () => (await client.json(`${key}_stats`)).cancelled === cancelled + 1)
  })

  it("logs from the level it asked for", async () => {
    const logs = () => client.heard.filter(({ method }) => method === "notifications/message").map((m) => m.params)
    await client.setLevel("warning")
    for (const key of catalogued) {
      await client.call(`${key}_log`, { text: `quiet ${key}`, level: "info" })
      await client.call(`${key}_log`, { text: `loud ${key}`, level: "error" })
      await until(`${key} is heard`, () => logs().some(({ data }) => data === `loud ${key}`))
    }
    expect(logs().map(({ data }) => data)).toEqual(catalogued.map((key) => `loud ${key}`))
  })

  it("hears of the resources it subscribed to, and of no others", async () => {
    const updates = () =>
      client.heard.flatMap(({ method, params }) =>
        method === "notifications/resources/updated" ? [String(params["uri"])] : [],
      )
    await client.listenTo(catalogued.map((key) => `test://${key}/a`))
    for (const key of catalogued) {
      await client.call(`${key}_touch`, { uri: "test://blob" })
      await client.call(`${key}_touch`, { uri: "test://a" })
      await until(`the update of ${key} arrives`, () => updates().includes(`test://${key}/a`))
    }
    expect(updates()).toEqual(catalogued.map((key) => `test://${key}/a`))
  })

  it("hears of tools that come and go", async () => {
    // A list that changes between its pages has to be begun again, as the host says.
    const listed = async () =>
      (await client.list("tools/list", "tools").catch(() => ({ items: [] }))).items.map(({ name }) => name)
    const changes = () => client.heard.filter(({ method }) => method === "notifications/tools/list_changed").length
    const extras = catalogued.map((key) => `${key}_extra`)
    const before = changes()
    await Promise.all(catalogued.map((key) => client.call(`${key}_addTool`, { name: "extra" })))
    await until("the additions are announced", () => changes() > before)
    await until("all are listed", async () => {
      const names = await listed()
      return extras.every((name) => names.includes(name))
    })
    for (const name of extras) expect(await client.call(name)).toMatchObject({ content: [{ text: "extra here" }] })
    const between = changes()
    await Promise.all(catalogued.map((key) => client.call(`${key}_removeTool`, { name: "extra" })))
    await until("the removals are announced", () => changes() > between)
    await until("none is listed", async () => {
      const names = await listed()
      return names.length > 0 && extras.every((name) => !names.includes(name))
    })
    for (const name of extras) await expect(client.call(name)).rejects.toMatchObject({ code: -32602 })
  })

  it.each(catalogued)("answers what %s asks", async (key) => {
    client.asked.length = 0
    const answer = await client.json(`${key}_ask`, { question: "Why?" })
    expect(answer).toEqual({ action: "accept", content: { answer: expect.stringMatching(/^re: .+: Why\?$/) } })
    expect(await client.json(`${key}_askTwice`)).toMatchObject([{ action: "accept" }, { action: "accept" }])
    expect(await client.json(`${key}_sample`)).toMatchObject({ model: "test-model", content: { text: "hello" } })
    expect(await client.json(`${key}_roots`)).toMatchObject({ roots: [{ uri: "file:///root", name: "root" }] })
    expect(client.asked.map(({ method, params }) => [method, params["message"]])).toEqual([
      ["elicitation/create", saying("Why?")],
      ["elicitation/create", saying("First?")],
      ["elicitation/create", saying("Second?")],
      ["sampling/createMessage", undefined],
      ["roots/list", undefined],
    ])
  })

  it("pings, in the generation that has it", async () => {
    if (era === "legacy") expect(await client.request("ping")).toEqual({})
    else await expect(client.request("ping")).rejects.toThrow()
  })
})
