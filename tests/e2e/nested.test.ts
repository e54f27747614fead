/** Three manifests, each in the next: four kinds of components, questions and notifications through all of them. */
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { closeAll, closers } from "../fixtures/harness.ts"
import {
  clientKinds,
  eraOf,
  fixture,
  fixturePackage,
  type HttpRig,
  httpServer,
  startHttp,
  temporaryFolder,
  until,
} from "./rig.ts"
import type { TestClient } from "./testClient.ts"

/** Writes a manifest and gives the entry that composes it. */
async function nest(servers: object, host: object = {}): Promise<{ mount: { manifest: string } }> {
  const manifest = path.join(await temporaryFolder(), "nested.yaml")
  await writeFile(manifest, JSON.stringify({ host: { collisions: "first", ...host }, servers }))
  return { mount: { manifest } }
}

const keys = ["local", "legacy", "modern"] as const

describe.each(clientKinds)("three levels: %s", (kind) => {
  let rig: HttpRig
  let client: TestClient

  beforeAll(async () => {
    const modern = await httpServer("v2-modern-only")
    const inner = await nest(
      {
        local: { mount: fixturePackage("v2-mcp") },
        legacy: { mount: fixture("v1-stdio.mjs") },
        modern: { mount: { url: modern.url, era: "modern" } },
        low: { mount: fixturePackage("v1-low"), tools: { exclude: ["*"] } },
      },
      { title: "Inner" },
    )
    const middle = await nest({ in: { ...inner, tags: { exclude: ["math"] } } }, { instructions: "Of the middle." })
    rig = await startHttp({ servers: { team: middle } })
    client = await rig.connect(kind)
  })
  afterAll(closeAll)

  it("lists everything under stacked names, filtered inside", async () => {
    const { items } = await client.list("tools/list", "tools")
    const names = items.map(({ name }) => String(name))
    for (const key of keys) expect(names).toContain(`team_in_${key}_echo`)
    expect(names.filter((name) => name.endsWith("_add") || name.includes("_low_"))).toEqual([])
    await expect(client.call("team_in_local_add", { a: 1, b: 2 })).rejects.toMatchObject({ code: -32602 })
    await expect(client.call("team_in_low_echo", { text: "x" })).rejects.toMatchObject({ code: -32602 })
    expect(client.instructions).toContain("Of the middle.")
    expect(client.instructions).toContain("(its tools and prompts start with team_in_local_)")
  })

  it.each(keys)("reaches the four kinds of components of %s", async (key) => {
    expect(await client.call(`team_in_${key}_echo`, { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    const resources = (await client.list("resources/list", "resources")).items.map(({ uri }) => uri)
    const uri = `test://team/in/${key}/a`
    expect(resources).toEqual(expect.arrayContaining([uri, `file://team/in/${key}//tmp/fixture.txt`]))
    expect(await client.request("resources/read", { uri })).toMatchObject({ contents: [{ uri }] })
    const templates = (await client.list("resources/templates/list", "resourceTemplates")).items
    expect(templates.map(({ uriTemplate }) => uriTemplate)).toContain(`test://team/in/${key}/items/{id}`)
    const item = `test://team/in/${key}/items/10`
    expect(await client.request("resources/read", { uri: item })).toMatchObject({ contents: [{ uri: item }] })
    const prompt = await client.request("prompts/get", { name: `team_in_${key}_greet`, arguments: { name: "Ada" } })
    expect(prompt["messages"][1]).toMatchObject({ content: { resource: { uri } } })
    const complete = async (ref: object, argument: object) =>
      (await client.request("completion/complete", { ref, argument }))["completion"].values
    const named = { type: "ref/prompt", name: `team_in_${key}_greet` }
    expect(await complete(named, { name: "name", value: "A" })).toEqual(["Ada", "Alan"])
    const made = { type: "ref/resource", uri: `test://team/in/${key}/items/{id}` }
    expect(await complete(made, { name: "id", value: "1" })).toEqual(["1", "10", "11"])
  })

  it.each(keys)("is asked by %s through all levels, and told who asks", async (key) => {
    client.asked.length = 0
    const answer = await client.json(`team_in_${key}_ask`, { question: "Why?" })
    expect(answer).toMatchObject({ action: "accept", content: { answer: expect.stringMatching(/: Why\?$/) } })
    expect(await client.json(`team_in_${key}_sample`)).toMatchObject({ model: "test-model" })
    const [asked] = client.asked
    // Named once, by the server's own title.
    expect(asked?.params["message"]).toMatch(/^(Title of )?[\w-]+: Why\?$/)
    expect(client.asked.map(({ method }) => method)).toEqual(["elicitation/create", "sampling/createMessage"])
  })

  it.each(keys)("hears of progress, of updates and of changed lists of %s", async (key) => {
    const progress: number[] = []
    await client.call(
      `team_in_${key}_slow`,
      { ms: 60, steps: 3 },
      { onprogress: (each) => progress.push(each["progress"]) },
    )
    expect(progress.length).toBeGreaterThan(0)
    const uri = `test://team/in/${key}/a`
    await client.listenTo([uri])
    const heard = (method: string) => client.heard.filter((each) => each.method === method)
    await client.call(`team_in_${key}_touch`, { uri: "test://a" })
    await until("the update arrives", () =>
      heard("notifications/resources/updated").some(({ params }) => params["uri"] === uri),
    )
    const before = heard("notifications/tools/list_changed").length
    await client.call(`team_in_${key}_addTool`, { name: "extra" })
    await until("the addition is announced", () => heard("notifications/tools/list_changed").length > before)
    await until("and there", async () => {
      const { items } = await client.list("tools/list", "tools").catch(() => ({ items: [] }))
      return items.some(({ name }) => name === `team_in_${key}_extra`)
    })
    expect(await client.call(`team_in_${key}_extra`)).toMatchObject({ content: [{ text: "extra here" }] })
  })

  it("tells errors with the path of the server", async () => {
    const { host } = rig
    expect(host.servers().map(({ entry, state }) => [entry.key, state])).toEqual([
      ["team", "ready"],
      ["team/in", "ready"],
      ["team/in/local", "ready"],
      ["team/in/legacy", "ready"],
      ["team/in/modern", "ready"],
      ["team/in/low", "ready"],
    ])
    expect(eraOf(kind)).toBe(client.era)
  })
})

describe("lifespans and trouble inside", () => {
  afterEach(closeAll)

  it("run inside out, exactly once", async () => {
    const log = path.join(await temporaryFolder(), "log")
    const inner = await nest({ in: { mount: fixturePackage("lifespan"), config: { log } } })
    const rig = await startHttp({ servers: { outer: await nest({ middle: inner }) } })
    const client = await rig.connect("v1")
    expect((await client.list("tools/list", "tools")).items.map(({ name }) => name)).toContain("outer_middle_in_echo")
    await client.close()
    await rig.close()
    expect((await readFile(log, "utf8")).trim().split("\n")).toEqual([
      "up 1",
      "up 2",
      "ready",
      "abort",
      "down 2",
      "down 1",
    ])
  })

  it("names the server that is down by its path, and delays nobody", async () => {
    const inner = await nest({
      good: { mount: fixturePackage("v2-mcp") },
      bad: { mount: { command: "/nonexistent/program" } },
      gone: { mount: { command: "/nonexistent/program" }, onDown: "skip", prefix: "away" },
    })
    const rig = await startHttp({ servers: { team: inner } })
    const client = await rig.connect("v1")
    expect(await client.call("team_good_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    for (const [name, server] of [
      ["team_bad_x", "team/bad"],
      ["team_away_x", "team/gone"],
    ] as const) {
      const error = await client.call(name).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: -31001, data: { server, sent: "no" } })
    }
    const error = await client
      .request("resources/read", { uri: "test://team/bad/x" })
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: -31001, data: { server: "team/bad" } })
    await expect(client.call("team_other_x")).rejects.toMatchObject({ code: -32602 })
    expect(rig.host.readiness()).toMatchObject({ ready: true, servers: { team: { state: "ready" } } })
  })

  it("a server that is needed inside makes its manifest not ready", async () => {
    const inner = await nest({ bad: { mount: { command: "/nonexistent/program" }, required: true } })
    const rig = await startHttp({ servers: { team: { ...inner, required: true }, other: inner } }, { settled: false })
    closers.push(() => rig.close())
    await until("both are down", () => rig.host.servers().every(({ state }) => state === "backoff"))
    expect(rig.host.servers().map(({ entry, reason }) => [entry.key, entry.required, reason?.slice(0, 8)])).toEqual([
      ["team", true, "team/bad"],
      ["team/bad", true, expect.any(String)],
      ["other", false, "other/ba"],
      ["other/bad", false, expect.any(String)],
    ])
    expect(rig.host.readiness().ready).toBe(false)
  })
})
