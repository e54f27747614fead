import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { composeCatalog } from "../../src/composition/compose.ts"
import type { CollisionPolicy } from "../../src/composition/types.ts"
import { kinds } from "../../src/protocol/methods.ts"
import { deepFreeze, holds, sourceOf } from "./property.ts"

const compose = (sources: Parameters<typeof composeCatalog>[0], collisions: CollisionPolicy = "error") =>
  composeCatalog(sources, { collisions })

describe("collisions", () => {
  const sources = [sourceOf("a", { tool: ["b_c", "x"] }), sourceOf("a_b", { tool: ["c", "y"] })]

  test("a + b_c and a_b + c are one name; the first is kept and both owners are named", () => {
    const catalog = compose(sources)
    expect(catalog.collisions).toEqual([
      { kind: "tool", key: "a_b_c", kept: { server: "a", key: "b_c" }, dropped: { server: "a_b", key: "c" } },
    ])
    expect(catalog.list("tool").map(({ key }) => key)).toEqual(["a_b_c", "a_x", "a_b_y"])
    expect(catalog.resolve("tool", "a_b_c")?.origin.server).toBe("a")
    expect(compose(sources, "first").resolve("tool", "a_b_c")?.origin.server).toBe("a")
  })

  test("last keeps the last, at its own place", () => {
    const catalog = compose(sources, "last")
    expect(catalog.list("tool").map(({ key }) => key)).toEqual(["a_x", "a_b_c", "a_b_y"])
    expect(catalog.collisions[0]?.kept.server).toBe("a_b")
  })

  test("an http URI of two servers is a collision", () => {
    const parts = { resource: ["https://h/x"] }
    const catalog = compose([sourceOf("a", parts), sourceOf("b", parts)])
    expect(catalog.collisions).toMatchObject([{ key: "https://h/x", kept: { server: "a" }, dropped: { server: "b" } }])
    expect(catalog.resolveUri("https://h/x")).toEqual({ server: "a", uri: "https://h/x" })
  })

  test("names of different case, and of different kinds, do not collide", () => {
    const catalog = compose([sourceOf("a", { tool: ["x", "X"], prompt: ["x"] })])
    expect(catalog.collisions).toEqual([])
  })

  test("a name that one server lists twice counts once, also when a filter hides the first", () => {
    const twice = [
      { name: "x", _meta: { tags: ["t"] } },
      { name: "x", title: "second" },
    ]
    const catalog = compose([sourceOf("a", { tool: twice })])
    expect(catalog.list("tool")).toHaveLength(1)
    expect(catalog.collisions).toMatchObject([{ key: "a_x", kept: { server: "a" }, dropped: { server: "a" } }])
    const filtered = compose([sourceOf("a", { tool: twice }, { tags: { exclude: ["t"] } })])
    expect(filtered.list("tool")).toEqual([])
    expect(filtered.collisions).toEqual([])
  })
})

test("components without a name or URI are left out", () => {
  const catalog = compose([sourceOf("a", { tool: [{ title: "x" }, { name: 5 }, "y"], resource: [{ name: "r" }] })])
  expect(catalog.list("tool").map(({ key }) => key)).toEqual(["a_y"])
  expect(catalog.list("resource")).toEqual([])
})

test("compiled names are reported and resolve", () => {
  const catalog = compose([sourceOf("a", { tool: ["has space", "fine"], prompt: ["p".repeat(70)] })])
  expect(catalog.renamed.map(({ kind, from }) => [kind, from])).toEqual([
    ["tool", "has space"],
    ["prompt", "p".repeat(70)],
  ])
  expect(catalog.resolve("tool", catalog.renamed[0]?.to ?? "")?.origin.key).toBe("has space")
})

describe("revision", () => {
  const base = () => [sourceOf("a", { tool: [{ name: "t", description: "d" }], resource: ["n://r"] })]

  test("is the same for the same content, whatever the order of members", () => {
    const other = [sourceOf("a", { tool: [{ description: "d", name: "t" }], resource: ["n://r"] })]
    expect(compose(base()).revision).toBe(compose(other).revision)
  })

  test("changes with content, kind by kind", () => {
    const other = compose([sourceOf("a", { tool: [{ name: "t", description: "e" }], resource: ["n://r"] })])
    expect(other.revision).not.toBe(compose(base()).revision)
    expect(other.revisionOf("tool")).not.toBe(compose(base()).revisionOf("tool"))
    expect(other.revisionOf("resource")).toBe(compose(base()).revisionOf("resource"))
  })

  test("does not change with what a filter hides", () => {
    const rules = { tools: { exclude: ["hidden*"] } }
    const one = compose([sourceOf("a", { tool: ["t", "hidden1"] }, rules)])
    expect(compose([sourceOf("a", { tool: ["hidden2", "t"] }, rules)]).revision).toBe(one.revision)
  })

  test("changes with the order", () => {
    const one = compose([sourceOf("a", { tool: ["t", "u"] })])
    expect(compose([sourceOf("a", { tool: ["u", "t"] })]).revision).not.toBe(one.revision)
  })
})

test("bare names: exposed ones win, one owner is found, several are candidates", () => {
  const catalog = compose([
    sourceOf("a", { tool: ["only", "both", "b_both"] }),
    sourceOf("b", { tool: ["both", "hidden"] }, { tools: { exclude: ["hidden"] } }),
    sourceOf("bare", { tool: ["a_only"] }, { prefix: "x" }),
  ])
  const keys = (name: string) => catalog.resolveBareName("tool", name).map(({ key }) => key)
  expect(keys("only")).toEqual(["a_only"])
  expect(keys("a_only")).toEqual(["a_only"])
  expect(keys("b_both")).toEqual(["b_both"])
  expect(keys("both")).toEqual(["a_both", "b_both"])
  expect(keys("hidden")).toEqual([])
})

holds(
  "nothing of the input changes, and lists, tables and origins agree",
  fc.property(
    fc.uniqueArray(fc.constantFrom("a", "a_b", "b", "c"), { minLength: 1 }),
    fc.array(fc.constantFrom("b_c", "c", "x", "x y", "https://h/x", "n://x", "{+u}"), { maxLength: 6 }),
    fc.constantFrom<CollisionPolicy>("error", "first", "last"),
    (servers, keys, policy) => {
      const parts = deepFreeze({ tool: keys, prompt: keys, resource: keys, resourceTemplate: keys })
      const sources = servers.map((server) => sourceOf(server, parts))
      for (const source of sources) deepFreeze(source.listing)
      const catalog = compose(sources, policy)
      expect(compose([...sources], policy).revision).toBe(catalog.revision)
      for (const kind of kinds) {
        const list = catalog.list(kind)
        expect(new Set(list.map(({ key }) => key)).size).toBe(list.length)
        for (const component of list) expect(catalog.resolve(kind, component.key)).toBe(component)
        const dropped = catalog.collisions.filter(
          (each) => each.kind === kind && each.kept.server !== each.dropped.server,
        )
        expect(list.length + dropped.length).toBe(new Set(keys).size * servers.length)
        for (const { key, kept } of catalog.collisions.filter((each) => each.kind === kind)) {
          expect(catalog.resolve(kind, key)?.origin).toEqual(kept)
        }
      }
    },
  ),
)

test("5,000 tools of 100 servers", () => {
  const inputSchema = { type: "object", properties: { q: { type: "string", description: "x".repeat(300) } } }
  const tools = (server: number) =>
    Array.from({ length: 50 }, (_, n) => ({ name: `tool_${server}_${n}`, description: "d".repeat(200), inputSchema }))
  const sources = Array.from({ length: 100 }, (_, n) =>
    sourceOf(`s${n}`, { tool: tools(n) }, { tools: { exclude: ["secret_*"] }, tags: { exclude: ["admin"] } }),
  )
  const started = performance.now()
  const catalog = compose(sources)
  const first = performance.now() - started
  const changed = [...sources.slice(1), sourceOf("s0", { tool: tools(0) })]
  const again = performance.now()
  compose(changed)
  process.stdout.write(
    `composed 5,000 tools in ${first.toFixed(1)} ms, after one change in ${(performance.now() - again).toFixed(1)} ms\n`,
  )
  expect(catalog.list("tool")).toHaveLength(5000)
  expect(catalog.resolve("tool", "s7_tool_7_3")?.origin).toEqual({ server: "s7", key: "tool_7_3" })
})
