import { join, relative } from "node:path"
import { describe, expect, test } from "vitest"
import { loadManifest } from "../../src/manifest/load.ts"
import { exampleManifest } from "../../src/manifest/referenceText.ts"
import { folder, load, server } from "./support.ts"

const png = Buffer.from("89504e470d0a1a0a", "hex")

describe("defaults", () => {
  test("of a manifest that says only what it must", async () => {
    const manifest = await load("servers:\n  notes:\n    import: ./servers/notes\n")
    const { directory } = manifest
    expect(manifest).toEqual({
      file: join(directory, "mcp-host.yaml"),
      directory,
      security: { lock: "off" },
      storage: {},
      middleware: [],
      telemetry: { metrics: false },
      host: { name: "mcp-host", version: "1.0.0", collisions: "error", nameBudget: 60 },
      endpoint: {
        drainMs: 30_000,
        http: {
          host: "127.0.0.1",
          port: 8300,
          path: "/mcp",
          allowedHosts: [],
          allowedOrigins: [],
          insecure: false,
          maxConnections: 20_000,
          maxConnectionsPerAddress: 1_000,
        },
        eras: ["legacy", "modern"],
      },
      servers: [
        {
          key: "notes",
          place: { file: join(directory, "mcp-host.yaml"), line: 2, column: 3 },
          placeOf: expect.any(Function),
          mode: "import",
          target: {
            kind: "package",
            specifier: join(directory, "servers/notes"),
            era: "auto",
            env: {},
            inheritEnv: [],
          },
          config: {},
          storage: "default",
          localMode: "direct",
          rules: {
            server: "notes",
            prefix: "notes",
            separator: "_",
            nameBudget: 60,
            uris: "path",
            tags: {},
            tools: {},
            prompts: {},
            resources: {},
          },
          middleware: [],
          session: "per-client",
          onDown: "stale",
          required: false,
          timeouts: { startMs: 30_000, listMs: 10_000, callMs: 60_000, totalMs: 600_000 },
          idleTimeoutMs: 600_000,
          start: "eager",
        },
      ],
      profiles: [],
      secrets: [],
      warnings: [],
    })
  })

  test("the cache is a folder relative to the manifest, and absent when it is not given", async () => {
    const manifest = await load("host: { cache: ./kept/here }\nservers: {}")
    expect(manifest.host.cache).toBe(join(manifest.directory, "kept/here"))
    expect((await load("servers: {}")).host).not.toHaveProperty("cache")
  })

  test("no servers is a manifest too", async () => {
    expect((await load("servers: {}")).servers).toEqual([])
  })

  test("a relative path is taken from the working directory", async () => {
    const root = folder({ "x.yaml": "servers: {}" })
    const manifest = await loadManifest(relative(process.cwd(), join(root, "x.yaml")), { env: {} })
    expect(manifest.file).toBe(join(root, "x.yaml"))
  })

  test("the result is frozen at every level", async () => {
    const manifest = await load(
      "servers:\n  a:\n    mount: x\n    config: { deep: { list: [{}] } }\n    tags: { include: [a] }",
    )
    const thawed: unknown[] = []
    const walk = (value: unknown) => {
      if (typeof value !== "object" || value === null) return
      if (!Object.isFrozen(value)) thawed.push(value)
      Object.values(value).forEach(walk)
    }
    walk(manifest)
    expect(thawed).toEqual([])
  })
})

describe("host and endpoint", () => {
  test("take every key", async () => {
    const manifest = await load(
      `
host:
  name: workbench
  title: My workbench
  version: 2.1.0
  instructions: Prefer notes.
  websiteUrl: https://example.com
  icons:
    - { src: ./icon.png, sizes: [48x48, any], theme: dark }
    - { src: "https://example.com/i.svg", mimeType: image/svg+xml }
    - { src: pic.bin, mimeType: image/png }
    - { src: "data:image/png;base64,AA==" }
  separator: "-"
  nameBudget: 16
  collisions: last
endpoint:
  drain: 0s
  http: { host: 0.0.0.0, port: 0, path: /a/b/, allowedHosts: [a], allowedOrigins: ["https://b"], publicUrl: "https://c", insecure: true, maxConnections: 9, maxConnectionsPerAddress: 3 }
  eras: [modern, modern]
servers:
  a: { mount: x }
`,
      { files: { "icon.png": png, "pic.bin": png } },
    )
    const src = `data:image/png;base64,${png.toString("base64")}`
    expect(manifest.host).toEqual({
      name: "workbench",
      title: "My workbench",
      version: "2.1.0",
      instructions: "Prefer notes.",
      websiteUrl: "https://example.com",
      icons: [
        { src, sizes: ["48x48", "any"], theme: "dark", mimeType: "image/png" },
        { src: "https://example.com/i.svg", mimeType: "image/svg+xml" },
        { src, mimeType: "image/png" },
        { src: "data:image/png;base64,AA==" },
      ],
      collisions: "last",
      nameBudget: 16,
    })
    expect(manifest.endpoint).toEqual({
      drainMs: 0,
      http: {
        host: "0.0.0.0",
        port: 0,
        path: "/a/b",
        allowedHosts: ["a"],
        allowedOrigins: ["https://b"],
        publicUrl: "https://c",
        insecure: true,
        maxConnections: 9,
        maxConnectionsPerAddress: 3,
      },
      eras: ["modern"],
    })
    expect(manifest.servers[0]?.rules).toMatchObject({ separator: "-", nameBudget: 16 })
  })

  test("the path may be the root", async () => {
    expect((await load("endpoint: { http: { path: / } }\nservers: {}")).endpoint.http.path).toBe("/")
  })
})

describe("servers", () => {
  test("take every key", async () => {
    const entry = await server(
      `import: ./servers/notes
mode: proxy
prefix: n.o-t_e
config: { a: [1, { b: null }], c: 0.5 }
tags: { include: [a], exclude: [], assign: { "x*": [b, c] } }
tools: { include: ["*_issue"], exclude: ["delete_*"] }
prompts: { exclude: ["*"] }
resources: { include: ["file://*"] }
uris: none
session: shared
onDown: fail
required: true
timeouts: { start: 1s, list: 2s, call: 3s, total: 4s }
idleTimeout: 1h`,
    )
    expect(entry).toMatchObject({
      localMode: "proxy",
      config: { a: [1, { b: null }], c: 0.5 },
      session: "shared",
      onDown: "fail",
      required: true,
      timeouts: { startMs: 1000, listMs: 2000, callMs: 3000, totalMs: 4000 },
      idleTimeoutMs: 3_600_000,
    })
    expect(entry.rules).toEqual({
      server: "a",
      prefix: "n.o-t_e",
      separator: "_",
      nameBudget: 60,
      uris: "none",
      tags: { include: ["a"], exclude: [], assign: { "x*": ["b", "c"] } },
      tools: { include: ["*_issue"], exclude: ["delete_*"] },
      prompts: { exclude: ["*"] },
      resources: { include: ["file://*"] },
    })
  })

  test("keep the order of the file, keys that are numbers too", async () => {
    const manifest = await load("servers: { b: { mount: x }, 2: { mount: x }, a: { mount: x }, 1: { mount: x } }")
    expect(manifest.servers.map(({ key }) => key)).toEqual(["b", "2", "a", "1"])
  })

  test("run as they are told: when they start, and how much of them at once", async () => {
    const running = async (keys: string, defaults = "{}") => {
      const { servers } = await load(`defaults: ${defaults}\nservers:\n  a: { mount: x, ${keys} }`)
      const { start, concurrency, required } = servers[0] ?? {}
      return { start, concurrency, required }
    }
    expect(await running("start: lazy, concurrency: 4")).toMatchObject({
      start: "lazy",
      concurrency: { running: 4, waiting: 100 },
    })
    expect(await running("queue: 0", "{ concurrency: 2, start: lazy }")).toMatchObject({
      start: "lazy",
      concurrency: { running: 2, waiting: 0 },
    })
    expect(await running("queue: 5")).toEqual({ start: "eager", concurrency: undefined, required: false })
    expect(await running("enabled: false, start: lazy")).toMatchObject({ start: "off" })
    // The host does not start without it, so it cannot wait until it is needed.
    expect(await running("start: lazy, required: true")).toMatchObject({ start: "eager", required: true })
  })

  test('prefix "" is no prefix', async () => {
    expect((await server('mount: x\nprefix: ""')).rules.prefix).toBe("")
    expect((await server('mount: x\nprefix: ""\nuris: protocol')).rules.uris).toBe("protocol")
  })

  test("defaults hold for all servers, a server's own value wins, timeouts merge key by key", async () => {
    const before = `defaults:
  uris: none
  session: shared
  onDown: skip
  required: true
  timeouts: { start: 1s, call: 2s }
  idleTimeout: 3s
`
    expect(await server("mount: x", { before })).toMatchObject({
      rules: { uris: "none" },
      session: "shared",
      onDown: "skip",
      required: true,
      timeouts: { startMs: 1000, listMs: 10_000, callMs: 2000, totalMs: 600_000 },
      idleTimeoutMs: 3000,
    })
    const own =
      "mount: x\nuris: path\nsession: per-call\nonDown: stale\nrequired: false\ntimeouts: { call: 5s }\nidleTimeout: 6s"
    expect(await server(own, { before })).toMatchObject({
      rules: { uris: "path" },
      session: "per-call",
      onDown: "stale",
      required: false,
      timeouts: { startMs: 1000, listMs: 10_000, callMs: 5000, totalMs: 600_000 },
      idleTimeoutMs: 6000,
    })
  })

  test.each([
    ["{ call: 20m }", 1_200_000, 1_200_000],
    ["{ total: 5s }", 5000, 5000],
    ["{ call: 20s, total: 5s }", 5000, 5000],
    ["{ call: 5s, total: 20s }", 5000, 20_000],
  ])("timeouts %s: total is never less than call", async (timeouts, callMs, totalMs) => {
    expect((await server(`mount: x\ntimeouts: ${timeouts}`)).timeouts).toMatchObject({ callMs, totalMs })
  })
})

test("the example of the reference loads", async () => {
  const root = folder({
    "mcp-host.yaml": exampleManifest,
    "icon.png": png,
    "servers/notes/index.js": "",
    "servers/files/index.js": "",
  })
  const manifest = await loadManifest(join(root, "mcp-host.yaml"), {
    env: { GITHUB_TOKEN: "g", DOCS_TOKEN: "d", STORE_KEY: "s".repeat(32) },
  })
  expect(manifest.servers.map(({ key, mode, target }) => [key, mode, target.kind])).toEqual([
    ["notes", "import", "package"],
    ["files", "mount", "package"],
    ["github", "mount", "stdio"],
    ["docs", "mount", "http"],
  ])
  expect(manifest.secrets).toEqual(["s".repeat(32), "g", "d"])
})
