/** What one client causes reaches that client and no other, and each sees what it would see by itself. */
import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import {
  type ClientKind,
  closeAll,
  connectStdio,
  fixture,
  fixturePackage,
  httpServer,
  installed,
  startHttp,
  temporaryFolder,
  until,
} from "./rig.ts"
import { defaultAnswer, type Json, type TestClient } from "./testClient.ts"

afterEach(closeAll)

describe("questions", () => {
  /** Answers with the client's own name, so that every answer can be traced. */
  const answering = (name: string) => ({
    name,
    answer: (question: { method: string; params: Json }) => {
      if (question.method === "roots/list") return { roots: [{ uri: `file:///${name}` }] }
      if (question.method !== "elicitation/create") return { ...defaultAnswer(question), model: name }
      return { action: "accept", content: { answer: `${name} on ${question.params["message"]}` } }
    },
  })

  async function interrogate(client: TestClient, name: string, keys: readonly string[], options: Json = {}) {
    const calls = keys.flatMap((key) => Array.from({ length: 10 }, (_, index) => [key, `${name}-${index}?`] as const))
    await Promise.all(
      calls.map(async ([key, question]) => {
        const { content } = await client.json(`${key}_ask`, { question, ...options })
        expect(content.answer).toMatch(new RegExp(`^${name} on .*: ${name}-\\d\\?$`))
        expect(content.answer.endsWith(question.replace(/^.*-/, "-"))).toBe(true)
      }),
    )
    const messages = client.asked.map(({ params }) => params["message"])
    expect(messages).toHaveLength(calls.length)
    for (const message of messages) expect(message).toContain(`: ${name}-`)
    for (const key of keys) {
      expect(await client.json(`${key}_sample`, options)).toMatchObject({ model: name })
      expect(await client.json(`${key}_roots`, options)).toMatchObject({ roots: [{ uri: `file:///${name}` }] })
    }
  }

  it("of twenty legacy clients at once each reach the one that caused them", async () => {
    const web = await httpServer("v1")
    const rig = await startHttp({
      servers: {
        stdio: { mount: fixture("v1-stdio.mjs") },
        web: { mount: { url: web.url } },
        local1: { mount: fixturePackage("v1-mcp") },
        local2: { import: fixturePackage("v2-mcp") },
        proxy: { mount: fixturePackage("v1-mcp"), mode: "proxy" },
      },
    })
    const names = Array.from({ length: 20 }, (_, index) => `canary${index}x`)
    const keys = ["stdio", "web", "local1", "local2", "proxy"]
    await Promise.all(
      names.map(async (name, index) => {
        const client = await rig.connect(index % 2 === 0 ? "v1" : "v2 legacy", answering(name))
        await interrogate(client, name, keys)
      }),
    )
  }, 180_000)

  it("asked beside the call reach the one that caused them, or are refused", async () => {
    const rig = await startHttp({
      servers: { local1: { mount: fixturePackage("v1-mcp") }, stdio: { mount: fixture("v1-stdio.mjs") } },
    })
    const names = Array.from({ length: 6 }, (_, index) => `canary${index}x`)
    await Promise.all(
      names.map(async (name, index) => {
        const client = await rig.connect(index % 2 === 0 ? "v1" : "v2 legacy", answering(name))
        await interrogate(client, name, ["local1", "stdio"], { loose: true })
      }),
    )
  })

  it("of modern clients at once each reach the one that caused them", async () => {
    const web = await httpServer("v2-modern-only")
    const servers = { stdio: { mount: fixture("v2-stdio.mjs") }, web: { mount: { url: web.url } } }
    const rig = await startHttp({ servers })
    const names = Array.from({ length: 10 }, (_, index) => `canary${index}x`)
    await Promise.all(
      names.map(async (name, index) => {
        const client = await rig.connect(index % 2 === 0 ? "v2 auto" : "v2 modern", answering(name))
        await interrogate(client, name, ["stdio", "web"])
      }),
    )
  })

  it("that a server asks when it is initialized reach the client it was started for", async () => {
    const folder = await temporaryFolder()
    for (const name of ["args", "one", "two"]) await mkdir(path.join(folder, name))
    for (const name of ["one", "two"]) await writeFile(path.join(folder, name, `${name}.txt`), name)
    const filesystem = installed("@modelcontextprotocol/server-filesystem")
    const rig = await startHttp({
      servers: { fs: { mount: { command: process.execPath, args: [filesystem, path.join(folder, "args")] } } },
    })
    const plain = await rig.connect("v1", { capabilities: {} })
    const clients = await Promise.all(
      ["one", "two"].map(async (name) => {
        const roots = [{ uri: pathToFileURL(path.join(folder, name)).href, name }]
        return { name, client: await rig.connect("v1", { capabilities: { roots: {} }, answer: () => ({ roots }) }) }
      }),
    )
    const allowed = async (client: TestClient) =>
      (await client.call("fs_list_allowed_directories"))["content"][0].text as string
    for (const { client, name } of clients) {
      await client.list("tools/list", "tools")
      await until(`${name} has its own folder`, async () => (await allowed(client)).includes(path.join(folder, name)))
      expect(await allowed(client)).not.toContain(path.join(folder, "args"))
    }
    expect(await allowed(plain)).toContain(path.join(folder, "args"))
  })

  it.each(["v1", "v2 legacy"] as const)(
    "that it asks when it is initialized are asked over stdio, too (%s)",
    async (kind) => {
      const folder = await temporaryFolder()
      for (const name of ["args", "first", "second"]) await mkdir(path.join(folder, name))
      const filesystem = installed("@modelcontextprotocol/server-filesystem")
      let root = path.join(folder, "first")
      const client = await connectStdio(
        { servers: { fs: { mount: { command: process.execPath, args: [filesystem, path.join(folder, "args")] } } } },
        kind,
        {
          capabilities: { roots: { listChanged: true } },
          answer: () => ({ roots: [{ uri: pathToFileURL(root).href }] }),
        },
      )
      await until("it was asked", () => client.asked.length > 0)
      await client.list("tools/list", "tools")
      root = path.join(folder, "second")
      await client.notify("notifications/roots/list_changed")
      const allowed = async () => (await client.call("fs_list_allowed_directories"))["content"][0].text as string
      await until("it has the new folder", async () => (await allowed().catch(() => "")).includes(root))
      expect(await allowed()).not.toContain(path.join(folder, "args"))
    },
  )
})

describe("notifications", () => {
  const servers = {
    stdio: { mount: fixture("v1-stdio.mjs") },
    shared: { mount: fixture("v1-stdio.mjs"), session: "shared" },
    local: { mount: fixturePackage("v2-mcp") },
  }
  const keys = Object.keys(servers)
  const messages = (client: TestClient, method: string) =>
    client.heard.flatMap(({ method: m, params }) => (m === method ? [params] : []))

  const pairs: readonly [ClientKind, ClientKind][] = [
    ["v1", "v2 legacy"],
    ["v2 modern", "v2 modern"],
    ["v1", "v2 modern"],
  ]

  describe.each(pairs)("of logs, to %s and %s", (first, second) => {
    it.each(["stdio", "stdio2", "local"])("reach the client whose call caused them (%s)", async (key) => {
      const rig = await startHttp({ servers: { ...servers, stdio2: { mount: fixture("v2-stdio.mjs") } } })
      const [one, two] = [await rig.connect(first), await rig.connect(second)]
      await Promise.all([one.setLevel("info"), two.setLevel("info")])
      const lines = (client: TestClient) => messages(client, "notifications/message").map(({ data }) => data)
      await Promise.all([one.call(`${key}_log`, { text: "one" }), two.call(`${key}_log`, { text: "two" })])
      await until("the lines arrive", () => lines(one).length > 0 && lines(two).length > 0)
      expect(lines(one)).toEqual(["one"])
      expect(lines(two)).toEqual(["two"])
    })
  })

  it.each(pairs)("of progress and resources reach their own client (%s and %s)", async (first, second) => {
    const rig = await startHttp({ servers })
    const [one, two] = [await rig.connect(first), await rig.connect(second)]
    for (const key of keys) {
      const steps = async (client: TestClient, count: number) => {
        const seen: Json[] = []
        const onprogress = (progress: Json) => void seen.push(progress)
        await client.call(`${key}_slow`, { ms: 80, steps: count }, { onprogress })
        expect(seen.length).toBeGreaterThan(0)
        for (const { total } of seen) expect(total).toBe(count)
      }
      await Promise.all([steps(one, 4), steps(two, 5)])
    }

    await one.listenTo(keys.map((key) => `test://${key}/a`))
    const updates = (client: TestClient) => messages(client, "notifications/resources/updated").map(({ uri }) => uri)
    for (const key of keys) {
      await one.call(`${key}_touch`, { uri: "test://a" })
      await until(`the update of ${key}`, () => updates(one).includes(`test://${key}/a`))
    }
    expect(updates(two)).toEqual([])
  })

  it("go on for those who still subscribe", async () => {
    const rig = await startHttp({ servers })
    const [one, two] = [await rig.connect("v1"), await rig.connect("v2 legacy")]
    const updates = (client: TestClient) => messages(client, "notifications/resources/updated").map(({ uri }) => uri)
    for (const key of ["shared", "local"]) {
      const uri = `test://${key}/a`
      await Promise.all([one.listenTo([uri]), two.listenTo([uri])])
      await one.request("resources/unsubscribe", { uri })
      await one.call(`${key}_touch`, { uri: "test://a" })
      await until("two hears of it", () => updates(two).includes(uri))
      expect(updates(one)).not.toContain(uri)
      const count = updates(two).length
      await two.request("resources/unsubscribe", { uri })
      await two.call(`${key}_touch`, { uri: "test://a" })
      expect(updates(two)).toHaveLength(count)
    }
  })
})

describe("capabilities", () => {
  it("decide for each client which tools it sees", async () => {
    const file = installed("@modelcontextprotocol/server-everything")
    const rig = await startHttp({ servers: { every: { mount: { command: process.execPath, args: [file, "stdio"] } } } })
    const expected: readonly [Json, readonly string[]][] = [
      [{}, []],
      [{ sampling: {} }, ["every_trigger-sampling-request"]],
      [{ elicitation: { form: {} } }, ["every_trigger-elicitation-request"]],
      [{ roots: {} }, ["every_get-roots-list"]],
    ]
    const conditional = expected.flatMap(([, names]) => names)
    await Promise.all(
      expected.flatMap(([capabilities, names]) =>
        (["v1", "v2 legacy"] as const).map(async (kind) => {
          const client = await rig.connect(kind, { capabilities })
          const listed = (await client.list("tools/list", "tools")).items.map(({ name }) => name)
          expect(listed).toContain("every_echo")
          expect(listed.filter((name) => conditional.includes(name))).toEqual(names)
          for (const hidden of conditional.filter((name) => !names.includes(name))) {
            await expect(client.call(hidden)).rejects.toMatchObject({ code: -32602 })
          }
        }),
      ),
    )
    const client = await rig.connect("v1", { capabilities: { sampling: {} } })
    const sampled = await client.call("every_trigger-sampling-request", { prompt: "Hi", maxTokens: 5 })
    expect(JSON.stringify(sampled)).toContain("test-model")
    const modern = await rig.connect("v2 modern")
    const listed = (await modern.list("tools/list", "tools")).items.map(({ name }) => name)
    // It can be asked whatever generation the server speaks.
    expect(listed.filter((name) => conditional.includes(name)).sort()).toEqual([...conditional].sort())
  })
})
