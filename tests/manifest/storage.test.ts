import { describe, expect, test } from "vitest"
import { failure, load, problems } from "./support.ts"

const servers = "servers:\n  a: { mount: ./servers/notes }\n"
const key = "k".repeat(40)
const withStores = (stores: string): string => `${servers}storage:\n  ${stores.replaceAll("\n", "\n  ")}\n`

describe("stores", () => {
  test("are none by default, and every server uses the default one", async () => {
    const manifest = await load(servers)
    expect(manifest.storage).toEqual({})
    expect(manifest.servers.map(({ storage }) => storage)).toEqual(["default"])
  })

  test.each([
    ["{ type: memory }", { type: "memory", previousKeys: [] }],
    ["{ type: file }", { type: "file", previousKeys: [] }],
    [
      "{ type: redis, url: redis://h:1/2, prefix: mine, replicas: 1 }",
      { type: "redis", url: "redis://h:1/2", prefix: "mine", replicas: 1, previousKeys: [] },
    ],
    ["{ uri: rediss://h }", { type: "redis", url: "rediss://h", prefix: "mcp-host", replicas: 0, previousKeys: [] }],
    ["{ type: redis, url: valkey://h }", expect.objectContaining({ type: "redis", url: "redis://h" })],
    ["{ uri: postgres://h/db }", { type: "keyv", uri: "postgres://h/db", prefix: "mcp-host", previousKeys: [] }],
    ["{ uri: valkey://h }", expect.objectContaining({ type: "keyv", uri: "valkey://h" })],
    [
      `{ type: memory, encrypt: ${key}, previousKeys: [${key}x] }`,
      { type: "memory", encrypt: key, previousKeys: [`${key}x`] },
    ],
  ])("%s", async (written, store) => {
    expect((await load(withStores(`main: ${written}`))).storage["main"]).toEqual(store)
  })

  test("have paths relative to the manifest", async () => {
    const { storage, directory } = await load(
      withStores("a: { type: file, path: ./data }\nb: { uri: sqlite://db.sqlite }"),
    )
    expect(storage).toMatchObject({ a: { folder: `${directory}/data` }, b: { uri: `sqlite://${directory}/db.sqlite` } })
  })

  test.each([
    ["{}", /MANIFEST_MISSING_KEY storage.main needs one of the keys type and uri$/],
    ["{ type: redis }", /MANIFEST_MISSING_KEY storage.main needs the key url$/],
    ["{ type: file, url: redis://h }", /storage.main.url does not belong to a file store$/],
    ["{ type: memory, uri: redis://h }", /storage.main.uri does not belong to a memory store$/],
    ["{ uri: postgres://h, replicas: 1 }", /storage.main.replicas does not belong to a store with a uri$/],
    ["{ type: file, previousKeys: [] }", /storage.main has previousKeys without encrypt$/],
    ["{ type: redis, url: http://h }", /storage.main.url must be a redis:\/\/ or rediss:\/\/ URL, given a string$/],
    ["{ type: file, encrypt: short }", /must be a key of at least 32 characters, .* given a string$/],
    ["{ type: sqlite }", /storage.main.type must be .*memory.*file.*redis/],
  ])("%s is refused", async (written, problem) => {
    expect(await problems(withStores(`main: ${written}`))).toEqual([expect.stringMatching(problem)])
  })

  test("two in one folder are refused", async () => {
    const text = withStores("a: { type: file, path: ./x }\nb: { type: file, path: x }")
    expect(await problems(text)).toEqual([expect.stringMatching(/storage.b.path is the folder of the store "a" too$/)])
  })

  test("a server's must be there, and only packages have one", async () => {
    const text = "storage: { shared: { type: memory } }\nservers:\n  a: { mount: ./servers/notes, storage: shard }\n"
    expect(await problems(text)).toEqual([
      expect.stringMatching(/servers.a.storage must be the name of a store, one of default, shared$/),
    ])
    const remote = "servers:\n  a: { mount: https://example.com, storage: default }\n"
    expect(await problems(remote)).toEqual([expect.stringMatching(/only for in-process packages/)])
    const manifest = await load(text.replace("shard", "shared"))
    expect(manifest.servers.map(({ storage }) => storage)).toEqual(["shared"])
  })

  test("their keys and passwords are secrets, and no message shows them", async () => {
    const text = withStores("a: { type: redis, url: 'redis://u:hunter2@h', encrypt: \"${KEY}\" }")
    const { secrets } = await load(text, { env: { KEY: key } })
    expect(secrets).toEqual(expect.arrayContaining([key, "hunter2"]))
    const broken = await failure(text.replace("redis://", "http://"), { env: { KEY: "too-short-secret" } })
    expect(broken.problems.map(({ message }) => message).join()).not.toMatch(/hunter2|too-short-secret/)
  })
})
