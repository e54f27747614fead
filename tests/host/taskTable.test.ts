import { describe, expect, it } from "vitest"
import { ownerOf, TaskTable } from "../../src/host/taskTable.ts"
import { createClient, createContext } from "../wire/support.ts"

const hour = 3_600_000
const client = createClient()
const task = (id: string) => ({ server: "s", id, client })
function create() {
  const clock = { now: 0 }
  return { clock, table: new TaskTable(() => clock.now) }
}

describe("TaskTable", () => {
  it("knows a task to its owner only, even under the same id", () => {
    const { table } = create()
    table.remember("a", "s.1", task("1"), undefined)
    expect(table.find("a", "s.1")).toEqual(task("1"))
    expect(table.find("b", "s.1")).toBeUndefined()
    const other = { ...task("1"), client: createClient({ key: "other" }) }
    table.remember("b", "s.1", other, undefined)
    expect(table.find("a", "s.1")?.client).toBe(client)
    expect(table.find("b", "s.1")?.client).toBe(other.client)
  })

  it("tells owners apart by principal, session and generation", () => {
    const context = (key: string, era = "legacy") => createContext({ client: createClient({ key, era }) })
    const owners = [context("a"), context("b"), context("a", "modern"), { ...context("a"), principal: { id: "x" } }]
    expect(new Set(owners.map(ownerOf)).size).toBe(4)
    expect(ownerOf(context("a"))).toBe(ownerOf(context("a")))
  })

  it.each([
    ["as long as its server keeps it", 3 * hour, 3 * hour],
    ["an hour at least", 1, hour],
    ["a week at most", 10_000 * hour, 168 * hour],
    ["a week when it is kept for ever", undefined, 168 * hour],
  ])("remembers what nobody asks for %s", (_what, ttlMs, forMs) => {
    const { clock, table } = create()
    table.remember("a", "s.1", task("1"), ttlMs)
    clock.now = forMs - 1
    expect(table.of("a")).toEqual([task("1")])
    clock.now = forMs
    expect(table.of("a")).toEqual([])
    expect(table.find("a", "s.1")).toBeUndefined()
    expect(table.size).toBe(0)
  })

  it("remembers anew what is asked for", () => {
    const { clock, table } = create()
    table.remember("a", "s.1", task("1"), hour)
    for (let at = 1; at < 5; at += 1) {
      clock.now = at * hour - at
      expect(table.find("a", "s.1")).toBeDefined()
    }
  })

  it("forgets the least recently used of an owner who has too many, and nobody else's", () => {
    const { table } = create()
    table.remember("b", "s.1", task("1"), undefined)
    for (let id = 0; id < 1_000; id += 1) table.remember("a", `s.${id}`, task(`${id}`), undefined)
    table.find("a", "s.0")
    table.remember("a", "s.more", task("more"), undefined)
    expect([table.find("a", "s.0"), table.find("a", "s.1"), table.find("b", "s.1")].map((each) => each?.id)).toEqual([
      "0",
      undefined,
      "1",
    ])
    expect(table.size).toBe(1_001)
  })

  it("forgets the least recently used owner's when there are too many altogether", () => {
    const { table } = create()
    for (let owner = 0; owner < 10_001; owner += 1) table.remember(`${owner}`, "s.1", task("1"), undefined)
    expect(table.size).toBe(10_000)
    expect([table.find("0", "s.1"), table.find("1", "s.1")].map((each) => each?.id)).toEqual([undefined, "1"])
  })

  it("forgets what was created for a client that has left", () => {
    const { table } = create()
    const other = createClient({ key: "other" })
    table.remember("a", "s.1", task("1"), undefined)
    table.remember("a", "s.2", { ...task("2"), client: other }, undefined)
    table.forget(client)
    expect(table.of("a").map(({ id }) => id)).toEqual(["2"])
    expect(table.size).toBe(1)
  })
})
