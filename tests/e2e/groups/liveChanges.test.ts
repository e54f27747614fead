/** Live changes: what servers add and remove after they were mounted, at the root and in the innermost of three manifests. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it } from "vitest"
import { closeAll, connectHttp, until } from "../rig.ts"
import type { TestClient } from "../testClient.ts"
import {
  component,
  connect,
  each,
  inside,
  keysOf,
  type ListName,
  listNames,
  lists,
  mounted,
  unknown,
  upstreamKinds,
  use,
} from "./support.ts"

afterEach(closeAll)

const places = [
  { before: "s_", uris: "s/" },
  { before: "a_b_c_s_", uris: "a/b/c/s/" },
] as const
type Place = (typeof places)[number]
const exposed = ({ before, uris }: Place, name: ListName, key: string): string => {
  if (name === "tools" || name === "prompts") return `${before}${key}`
  return `data://${uris}${key}${name === "resources" ? "" : "/{id}"}`
}
const told = (client: TestClient): string[] =>
  client.heard
    .splice(0)
    .map(({ method }) => method)
    .sort()
const words = [...new Set(listNames.map((name) => lists[name].changed))].sort()

describe.each(upstreamKinds)("Live changes, %s", (kind) => {
  it("of every kind of component reach clients, told once for each kind, from whatever depth", async () => {
    const [near, far] = await Promise.all([mounted(kind, each("first")), mounted(kind, each("first"))])
    const { client } = await connect({
      servers: { s: near.entry, a: await inside(far.entry, ["b", "c", "s"]) },
    })
    const set = async (...keys: string[]): Promise<void> => {
      for (const { before } of places)
        for (const name of listNames)
          await client.call(`${before}set`, { member: name, items: keys.map((key) => component[name](key)) })
    }
    const shows = async (...keys: string[]): Promise<boolean> => {
      const all = await Promise.all(listNames.map((name) => keysOf(client, name)))
      const expected = listNames.map((name) => places.flatMap((at) => keys.map((key) => exposed(at, name, key))))
      return JSON.stringify(all) === JSON.stringify(expected)
    }
    expect(await shows("first")).toBe(true)
    await set("first", "second")
    await until("the additions are listed", () => shows("first", "second"))
    await until("and announced", () => client.heard.length >= words.length)
    // A server that announces for a second in a row is heard in two parts.
    expect([...new Set(told(client))]).toEqual(words)
    for (const at of places)
      for (const name of listNames) expect(await use(client, name, exposed(at, name, "second"))).toBeDefined()
    await set("second")
    await until("the removals are listed", () => shows("second"))
    await until("and announced", () => new Set(client.heard.map(({ method }) => method)).size === words.length)
    for (const at of places)
      for (const name of ["tools", "prompts"] as const) await unknown(use(client, name, exposed(at, name, "first")))
  })

  it("of an imported server change nothing; of what a profile hides nobody is told there", async () => {
    const [mount, frozen] = await Promise.all([
      mounted(kind, each("first"), { session: "shared" }),
      mounted(kind, each("first")),
    ])
    const { mount: source, ...rest } = frozen.entry
    const { rig, client } = await connect({
      servers: { s: mount.entry, frozen: { import: source, ...rest } },
      profiles: { narrow: { tools: { exclude: ["s_hidden*"] }, prompts: { exclude: ["*"] } } },
    })
    const narrow = await connectHttp(`${rig.url}/narrow`, "v1", { capabilities: {} })
    expect(await keysOf(client, "prompts")).toEqual(["s_first", "frozen_first"])
    expect(await keysOf(narrow, "prompts")).toEqual([])
    const set = (before: string, member: ListName, ...names: string[]) =>
      client.call(`${before}_set`, { member, items: names.map((name) => component[member](name)) })
    await set("frozen", "tools", "second")
    await set("s", "tools", "first", "hidden")
    await until("the whole hears", () => client.heard.length > 0)
    // Twice as long as a server and a client rest.
    await delay(1_200)
    expect([told(client), told(narrow)]).toEqual([[lists.tools.changed], []])
    expect(await keysOf(client, "tools")).toEqual(["s_first", "s_hidden", "frozen_first"])
    await set("s", "tools", "first", "hidden", "shown")
    await until("both hear", () => client.heard.length > 0 && narrow.heard.length > 0)
    expect([told(client), told(narrow)]).toEqual([[lists.tools.changed], [lists.tools.changed]])
    expect(await keysOf(narrow, "tools")).toEqual(["s_first", "s_shown", "frozen_first"])
  })
})
