/** In-process packages: what may be one, how it lives, and how it fails. */
import { mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { closeAll } from "../fixtures/harness.ts"
import { createClient, createContext } from "../wire/support.ts"
import { create, entryOf, packageTarget, ready, soon, temporaryFolder } from "./support.ts"

afterEach(closeAll)

const echo = { method: "tools/call", params: { name: "echo", arguments: { text: "hi" } } }

async function packageOf(source: string, name = "index.js"): Promise<string> {
  const folder = path.join(await temporaryFolder(), "package")
  await mkdir(folder)
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ type: "module", exports: `./${name}` }))
  await writeFile(path.join(folder, name), source)
  return folder
}

describe("what may be a server", () => {
  it.each([
    ["v1-low", {}],
    ["v2-low", {}],
    ["ts-entry", {}],
    ["v2-low", { era: "modern" }],
    ["v1-mcp", { era: "legacy" }],
  ] as const)("%s %j", async (name, options) => {
    const { upstream } = create(entryOf(packageTarget(name, options)))
    await ready(upstream)
    expect(await upstream.handle(echo, createContext())).toMatchObject({ value: { content: [{ text: "hi" }] } })
    if (!name.endsWith("-low")) return
    expect(upstream.listing(undefined)?.tool).toMatchObject([{ name: "echo", "x-extra": "kept" }])
    expect(upstream.listing(undefined)?.resource).toMatchObject([{ uri: "low://note", "x-extra": "kept" }])
    expect((await upstream.handle(echo, createContext())).value).toHaveProperty("x-extra")
  })

  it("a proxied package has a session for each client", async () => {
    const { upstream } = create(entryOf(packageTarget("v2-mcp"), { localMode: "proxy" }))
    const who = { method: "tools/call", params: { name: "whoami", arguments: {} } }
    const [ann, bob] = ["ann", "bob"].map((key) => createClient({ key, capabilities: { roots: {} } }))
    await ready(upstream, ann)
    await upstream.handle(who, createContext({ client: ann! }))
    const { value } = await upstream.handle(
      { method: "tools/call", params: { name: "stats", arguments: {} } },
      createContext({ client: bob! }),
    )
    expect(JSON.stringify(value)).toContain('\\"instances\\":1')
    expect(await upstream.handle(who, createContext({ client: bob! }))).toMatchObject({
      value: { content: [{ text: expect.stringContaining('"roots":{}') }] },
    })
  })

  it("an npm package is found from the manifest's folder", async () => {
    const directory = await temporaryFolder()
    const folder = path.join(directory, "node_modules/@scope/server")
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, "package.json"), JSON.stringify({ type: "module", main: "main.js" }))
    await writeFile(path.join(folder, "main.js"), "export default { connect() { throw new Error('found') } }")
    const { upstream } = create(entryOf({ ...packageTarget("x"), specifier: "@scope/server" }), { directory })
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.reason).toContain("found"), soon)
  })
})

describe("what is none", () => {
  const failed = async (specifier: string, options = {}): Promise<string> => {
    const { upstream } = create(entryOf({ ...packageTarget(specifier, options) }))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).not.toBe("starting"), soon)
    expect(upstream.state.state).toBe("failed")
    await expect(upstream.handle(echo, createContext())).rejects.toMatchObject({
      code: -31001,
      data: { server: "server", sent: "no", reason: upstream.state.reason },
    })
    // Whoever waits for a list is not kept waiting.
    await upstream.prepare(createClient())
    expect(upstream.listing(undefined)).toBeUndefined()
    return upstream.state.reason ?? ""
  }

  it("fails for good and says why", async () => {
    expect(await failed("throws")).toMatch(/factory of .*throws failed: The database is locked/)
    expect(await failed("not-a-server")).toMatch(/default of .*not-a-server is neither a factory nor an MCP server/)
    expect(await failed("named")).toMatch(/no export default; it exports make/)
    expect(await failed("v2-mcp", { export: "missing" })).toMatch(/no export missing; it exports default/)
    expect(await failed("nowhere")).toMatch(/nowhere does not exist/)
    expect(await failed("/")).toMatch(/no entry file/)
    expect(await failed(await packageOf("export default () => 7"))).toMatch(/returned no MCP server/)
    expect(await failed(await packageOf("this is no JavaScript"))).toMatch(/cannot be loaded/)
    expect(await failed(await packageOf("export default (: 7", "index.ts"))).toMatch(/cannot be loaded/)
    expect(await failed(await packageOf("import 'not-installed-anywhere'"))).toMatch(/cannot be loaded/)
  })
})

describe("the life of a package", () => {
  const lifespan = async (config: Record<string, unknown> = {}) => {
    const directory = await temporaryFolder()
    const read = () => readFile(path.join(directory, "log"), "utf8").catch(() => "")
    const entry = entryOf(packageTarget("lifespan"), { config: { log: "log", ...(config as object) } })
    return { read, ...create(entry, { directory }) }
  }
  const whole = "up 1\nup 2\nready\nabort\ndown 2\ndown 1\n"

  it("is set up once and torn down once, in reverse", async () => {
    const { upstream, read } = await lifespan()
    await ready(upstream)
    await Promise.all(
      ["ann", "bob", "cid"].map((key) => upstream.handle(echo, createContext({ client: createClient({ key }) }))),
    )
    expect(await read()).toBe("up 1\nup 2\nready\n")
    await upstream.close()
    await upstream.close()
    expect(await read()).toBe(whole)
  })

  it("is torn down to the end though a tear-down fails, and though it is slow", async () => {
    const { upstream, read, log } = await lifespan({ fail: true, delayMs: 50 })
    await ready(upstream)
    await upstream.close()
    expect(await read()).toBe(whole)
    expect(log).toContainEqual(expect.objectContaining({ level: "error", message: "a tear-down failed" }))
  })

  it("gets what the manifest gives it and nothing else of the environment", async () => {
    vi.stubEnv("SECRET_OF_THE_HOST", "hidden")
    vi.stubEnv("WANTED", "yes")
    const folder = await packageOf(`
      import { appendFileSync } from "node:fs"
      export default (context) => {
        const { config, env, directory } = context
        appendFileSync(directory + "/seen", JSON.stringify({ config, env, directory }))
        config.changed = true
        throw new Error("enough")
      }`)
    const directory = await temporaryFolder()
    const config = { deep: { list: [1] } }
    const target = packageTarget(folder, { env: { SET: "here" }, inheritEnv: ["WANTED"] })
    const { upstream } = create(entryOf(target, { config }), { directory })
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("failed"), soon)
    const seen = JSON.parse(await readFile(path.join(directory, "seen"), "utf8"))
    expect(seen).toMatchObject({ config: { deep: { list: [1] } }, directory })
    expect(seen.env).toMatchObject({ SET: "here", WANTED: "yes", PATH: expect.any(String) })
    expect(seen.env).not.toHaveProperty("SECRET_OF_THE_HOST")
    expect(config).toEqual({ deep: { list: [1] } })
    vi.unstubAllEnvs()
  })

  it("ends though its factory never returns, and is torn down", async () => {
    const folder = await packageOf(`
      import { appendFileSync } from "node:fs"
      export default async ({ directory, onClose, signal }) => {
        onClose(() => appendFileSync(directory + "/log", "down "))
        signal.addEventListener("abort", () => appendFileSync(directory + "/log", "abort "))
        appendFileSync(directory + "/log", "up ")
        await new Promise(() => undefined)
      }`)
    const directory = await temporaryFolder()
    const read = () => readFile(path.join(directory, "log"), "utf8").catch(() => "")
    const { upstream } = create(entryOf(packageTarget(folder)), { directory })
    upstream.start(undefined)
    await vi.waitFor(async () => expect(await read()).toBe("up "), soon)
    await upstream.close()
    await vi.waitFor(async () => expect(await read()).toBe("up abort down "), soon)
  })

  it("is given up when its factory does not return in time", async () => {
    const folder = await packageOf("export default () => new Promise(() => undefined)")
    const timeouts = { startMs: 100, listMs: 100, callMs: 100, totalMs: 100 }
    const { upstream } = create(entryOf(packageTarget(folder), { timeouts }))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), soon)
    expect(upstream.state.reason).toContain("did not finish starting within 100 ms")
  })

  it("is started again when its server closes the connection by itself", async () => {
    const folder = await packageOf(`
      import { createV2Server } from ${JSON.stringify(path.resolve(import.meta.dirname, "../fixtures/servers/v2.mjs"))}
      import { appendFileSync } from "node:fs"
      let count = 0
      export default ({ directory, onClose }) => {
        count += 1
        const server = createV2Server({ name: "life-" + count })
        onClose(() => appendFileSync(directory + "/log", "down "))
        server.registerTool("leave", {}, async () => { setTimeout(() => server.close(), 10); return { content: [] } })
        return server
      }`)
    const directory = await temporaryFolder()
    const { upstream, events } = create(entryOf(packageTarget(folder)), { directory })
    await ready(upstream)
    await upstream.handle({ method: "tools/call", params: { name: "leave" } }, createContext())
    await vi.waitFor(() => expect(upstream.info(undefined)?.serverInfo).toMatchObject({ name: "life-2" }), soon)
    await vi.waitFor(() => expect(upstream.state.state).toBe("ready"), soon)
    expect(events).toContainEqual({ type: "state", state: expect.objectContaining({ state: "backoff" }) })
    // What the first life set up is torn down when it ends, not when the host does.
    await vi.waitFor(
      async () => expect(await readFile(path.join(directory, "log"), "utf8").catch(() => "")).toBe("down "),
      soon,
    )
  })
})

describe("what nests too deep", () => {
  const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) })
  const call = (name: string, args: object) => ({ method: "tools/call", params: { name, arguments: args as never } })

  it("ends the call that it answers, and nothing else", async () => {
    const { upstream, log } = create(entryOf(packageTarget(raw), { config: { capabilities: { tools: {} } } }))
    await ready(upstream)
    await expect(upstream.handle(call("do_result", { result: deep(5_000) }), createContext())).rejects.toMatchObject({
      code: -31004,
      data: { server: "server", sent: "maybe", reason: expect.stringContaining("deeper than 128") },
    })
    await upstream.handle(call("do_notify", { method: "notifications/message", params: deep(200) }), createContext())
    expect(log.filter(({ message }) => message.includes("deeper than 128"))).toHaveLength(2)
    expect(await upstream.handle(call("do_result", { result: deep(120) }), createContext())).toHaveProperty("value.a")
  })

  it("is answered with an error when it is a question", async () => {
    const { upstream, asked } = create(entryOf(packageTarget(raw), { config: { capabilities: { tools: {} } } }))
    await ready(upstream)
    const question = call("do_ask", { method: "sampling/createMessage", params: deep(200) })
    expect(await upstream.handle(question, createContext())).toMatchObject({
      value: { structuredContent: { error: { code: -31004 } } },
    })
    expect(asked).toEqual([])
  })
})

describe("log levels", () => {
  it("that a server refuses are no reason to refuse a call", async () => {
    const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
    const config = { refuseLevel: true, capabilities: { tools: {}, logging: {} } }
    const { upstream, log } = create(entryOf(packageTarget(raw), { config }))
    await ready(upstream)
    const request = { method: "tools/call", params: { name: "do_result", arguments: { result: { fine: true } } } }
    const context = createContext({ logLevel: "debug" })
    expect(await upstream.handle(request, context)).toMatchObject({ value: { fine: true } })
    expect(log).toContainEqual(expect.objectContaining({ level: "warn", facts: { reason: "No levels here" } }))
  })
})

describe("an imported package", () => {
  it("keeps the catalogue it had at start", async () => {
    const { upstream, log } = create(entryOf(packageTarget("v2-mcp"), { mode: "import" }))
    await ready(upstream)
    const before = upstream.listing(undefined)
    await upstream.handle(
      { method: "tools/call", params: { name: "addTool", arguments: { name: "extra" } } },
      createContext(),
    )
    await vi.waitFor(
      () =>
        expect(log).toContainEqual(
          expect.objectContaining({ level: "info", message: expect.stringContaining("imported") }),
        ),
      soon,
    )
    expect(upstream.listing(undefined)).toBe(before)
  })
})
