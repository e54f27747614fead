/** Clients of the modern generation declare themselves with each request; not all of them are remembered for ever. */
import { expect, it } from "vitest"
import { DeclaredClients } from "../../src/endpoints/declaredClients.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client } from "../../src/protocol/messages.ts"

function remembered() {
  const left: (JsonObject | undefined)[] = []
  const clients = new DeclaredClients((capabilities, info) => ({
    client: { capabilities, info } as Client,
    leave: () => left.push(info),
  }))
  return { left, clients, of: (name: number | string) => clients.of({}, { name }) }
}

it("the same declaration is the same client, another one another", () => {
  const { clients, of } = remembered()
  expect(of("a")).toBe(of("a"))
  expect(of("b")).not.toBe(of("a"))
  expect(clients.of({ sampling: {} }, { name: "a" })).not.toBe(of("a"))
  expect(clients.of({}, undefined)).toBe(clients.of({}, undefined))
})

it("of many, those not heard of for longest leave", () => {
  const { left, of } = remembered()
  const first = of("first")
  for (let at = 0; at < 999; at += 1) of(at)
  expect(of("first")).toBe(first)
  expect(left).toEqual([])
  of("one more")
  expect(left).toEqual([{ name: 0 }])
  expect(of("first")).toBe(first)
})

it("of large ones no more are kept than fit, whoever sends them", () => {
  const { left, clients, of } = remembered()
  const small = of("small")
  const large = (at: number) => clients.of({ experimental: { text: `${at}${"x".repeat(1_000_000)}` } }, { name: at })
  for (let at = 0; at < 20; at += 1) {
    large(at)
    expect(of("small")).toBe(small)
  }
  expect(left.length).toBe(16)
  const huge = clients.of({ experimental: { text: "x".repeat(5_000_000) } }, undefined)
  expect(left.length).toBe(21)
  expect(clients.of({ experimental: { text: "x".repeat(5_000_000) } }, undefined)).toBe(huge)
  expect(of("small")).not.toBe(small)
})

it("all leave at the end, each once", () => {
  const { left, clients, of } = remembered()
  of("a")
  of("b")
  clients.clear()
  clients.clear()
  expect(left).toEqual([{ name: "a" }, { name: "b" }])
})
