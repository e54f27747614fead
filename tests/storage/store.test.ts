import { expect, it } from "vitest"
import { createMemoryStore } from "../../src/storage/memory.ts"
import { withPrefix } from "../../src/storage/prefixed.ts"
import { createClock, fileStore, temporaryFolder } from "./support.ts"
import { testStore } from "./testStore.ts"

testStore("memory", () => {
  const { now, tick } = createClock()
  return { store: createMemoryStore(now), tick }
})

testStore("file", async () => {
  const { now, tick } = createClock()
  return { store: await fileStore(await temporaryFolder(), now), tick }
})

testStore("a part of a store", async () => {
  const { now, tick } = createClock()
  const whole = createMemoryStore(now)
  for (const key of ["", "a", "par", "part", "partner", "n"]) await whole.set(key, "somebody else's")
  return { store: { ...withPrefix(whole, "part/"), close: whole.close }, tick }
})

it("each memory store is alone", async () => {
  const [one, two] = [createMemoryStore(), createMemoryStore()]
  await one.set("a", 1)
  expect(await two.get("a")).toBeUndefined()
})

it("expires at the millisecond", async () => {
  const { now, tick } = createClock()
  const store = createMemoryStore(now)
  await store.set("a", 1, { ttlMs: 100 })
  tick(99)
  expect(await store.get("a")).toBe(1)
  tick(1)
  expect(await store.get("a")).toBeUndefined()
})
