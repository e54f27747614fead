/** Updates of resources: only of those that the client can see now, whatever it could see when it subscribed. */
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Host } from "../../src/host/host.ts"
import type { Manifest, ProfileEntry, ServerEntry } from "../../src/manifest/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"
import { manifestOf, rawServer, startHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { soon } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"
import { nested, withRules } from "./support.ts"

afterEach(closeAll)

const updated = "notifications/resources/updated"
const resource = (name: string, more: JsonObject = {}): JsonObject => ({ uri: `note://${name}`, name, ...more })
const notes = (key = "notes"): ServerEntry =>
  rawServer(key, {
    lists: { resources: [resource("open"), resource("secret"), resource("tagged", { _meta: { tags: ["inner"] } })] },
    capabilities: { tools: {}, resources: { subscribe: true } },
  })
const hiding: Partial<ServerEntry["rules"]> = { resources: { exclude: ["note://*secret"] } }
type Face = Pick<Host, "handle">
const ask = async (face: Face, client: Client, method: string, params: JsonObject = {}): Promise<JsonObject> =>
  (await face.handle({ method, params }, createContext({ client }))).value
const subscribe = (face: Face, client: Client, uri: string) => ask(face, client, "resources/subscribe", { uri })
/** The server tells of its own resources, the open one last: what came before it has been decided by then. */
const touch = async (face: Face, client: Client, before: string, names = ["secret", "open"]): Promise<void> => {
  for (const name of names) {
    const args = { method: updated, params: { uri: `note://${name}` } }
    await ask(face, client, "tools/call", { name: `${before}_do_notify`, arguments: args })
  }
}
const heard = (client: ReturnType<typeof createClient>): unknown[] =>
  client.seen.splice(0).flatMap(({ method, params }) => (method === updated ? [params["uri"]] : []))
const profile = (name: string, rules: Partial<ProfileEntry["rules"]>): ProfileEntry => ({
  name,
  placeOf: () => ({ file: "mcp-host.yaml", line: 1, column: 1 }),
  rules: { tags: {}, tools: {}, prompts: {}, resources: {}, ...rules },
})
const viewOf = (host: Host): Face & Pick<Host, "connect"> => {
  const view = host.profile("p")
  if (view === undefined) throw new Error("no profile p")
  return view
}

describe("a client that subscribed hears nothing of", () => {
  it("what a reload hides, and hears of it again when the next one shows it", async () => {
    const host = await startHost({ servers: [notes()] })
    const client = createClient()
    host.connect(client)
    for (const name of ["open", "secret"]) await subscribe(host, client, `note://notes/${name}`)
    await touch(host, client, "notes")
    expect(heard(client)).toEqual(["note://notes/secret", "note://notes/open"])
    await host.reload(manifestOf({ servers: [withRules(notes(), hiding)] }))
    await touch(host, client, "notes")
    expect(heard(client)).toEqual(["note://notes/open"])
    await host.reload(manifestOf({ servers: [notes()] }))
    await touch(host, client, "notes")
    expect(heard(client)).toEqual(["note://notes/secret", "note://notes/open"])
  })

  it.each<[string, Partial<ProfileEntry["rules"]>, string[]]>([
    ["a resource", { resources: { exclude: ["note://notes/secret"] } }, ["note://notes/open"]],
    ["a tag", { tags: { exclude: ["secret"] } }, ["note://notes/open"]],
    ["the server", { servers: ["other"] }, []],
  ])("what its profile hides since a reload: %s", async (_name, rules, expected) => {
    const servers = [withRules(notes(), { tags: { assign: { "note://secret": ["secret"] } } }), notes("other")]
    const next = (more: Partial<ProfileEntry["rules"]>): Manifest =>
      manifestOf({ servers, profiles: [profile("p", more)] })
    const host = await startHost({ servers, profiles: [profile("p", {})] })
    const [narrow, whole] = [createClient({ key: "n" }), createClient({ key: "w" })]
    viewOf(host).connect(narrow)
    host.connect(whole)
    for (const name of ["open", "secret"]) {
      await subscribe(viewOf(host), narrow, `note://notes/${name}`)
      await subscribe(host, whole, `note://notes/${name}`)
    }
    await host.reload(next(rules))
    await touch(host, whole, "notes")
    expect(heard(narrow)).toEqual(expected)
    expect(heard(whole)).toEqual(["note://notes/secret", "note://notes/open"])
  })

  it.each<[string, (hides: boolean) => ServerEntry[]]>([
    ["the innermost manifest", (h) => [nested("a", [nested("b", [h ? withRules(notes(), hiding) : notes()])])]],
    ["the one between", (h) => [nested("a", [h ? withRules(nested("b", [notes()]), hiding) : nested("b", [notes()])])]],
    [
      "the outermost",
      (h) => [h ? withRules(nested("a", [nested("b", [notes()])]), hiding) : nested("a", [nested("b", [notes()])])],
    ],
  ])("what a reload hides in %s of three", async (_name, servers) => {
    const host = await startHost({ servers: servers(false) })
    const client = createClient()
    host.connect(client)
    for (const name of ["open", "secret"]) await subscribe(host, client, `note://a/b/notes/${name}`)
    await touch(host, client, "a_b_notes")
    expect(heard(client)).toEqual(["note://a/b/notes/secret", "note://a/b/notes/open"])
    await host.reload(manifestOf({ servers: servers(true) }))
    await touch(host, client, "a_b_notes")
    expect(heard(client)).toEqual(["note://a/b/notes/open"])
  })

  it("what its server has tagged since, where the tag hides it", async () => {
    const host = await startHost({ servers: [withRules(notes(), { tags: { exclude: ["inner"] } })] })
    const client = createClient()
    host.connect(client)
    const set = async (items: JsonObject[]): Promise<void> => {
      const args = { member: "resources", items, method: "notifications/resources/list_changed" }
      await ask(host, client, "tools/call", { name: "notes_do_set", arguments: args })
    }
    await subscribe(host, client, "note://notes/open")
    await subscribe(host, client, "note://notes/secret")
    await set([resource("open"), resource("secret", { _meta: { tags: ["inner"] } })])
    await vi.waitFor(
      () => expect(host.catalog(client).resolve("resource", "note://notes/secret")).toBeUndefined(),
      soon,
    )
    heard(client)
    await touch(host, client, "notes")
    expect(heard(client)).toEqual(["note://notes/open"])
  })

  it("a URI that is another server's since a reload", async () => {
    const bare = (key: string): ServerEntry => withRules(notes(key), { uris: "none" })
    const host = await startHost({ servers: [bare("a"), bare("b")], host: { collisions: "first" } })
    const client = createClient()
    host.connect(client)
    await subscribe(host, client, "note://open")
    await touch(host, client, "a", ["open"])
    expect(heard(client)).toEqual(["note://open"])
    await host.reload(manifestOf({ servers: [bare("a"), bare("b")], host: { collisions: "last" } }))
    await touch(host, client, "a", ["open"])
    expect(heard(client)).toEqual([])
  })
})

it("parts of what it subscribed to are told, but for those that are hidden", async () => {
  const host = await startHost({ servers: [withRules(notes(), { resources: { exclude: ["note://open/hidden*"] } })] })
  const client = createClient()
  host.connect(client)
  await subscribe(host, client, "note://notes/open")
  await touch(host, client, "notes", ["open/hidden", "open/part", "other", "open"])
  expect(heard(client)).toEqual(["note://notes/open/part", "note://notes/open"])
})
