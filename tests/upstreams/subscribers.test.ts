import { describe, expect, it, vi } from "vitest"
import type { McpResult } from "../../src/protocol/messages.ts"
import { Subscribers } from "../../src/upstreams/subscribers.ts"
import { createClient, settle } from "../wire/support.ts"

function sending() {
  const sent: { readonly answer: (result?: McpResult) => void; readonly refuse: (error: Error) => void }[] = []
  const send = vi.fn(
    () =>
      new Promise<McpResult>(
        (resolve, reject) => void sent.push({ answer: (r = { value: {} }) => resolve(r), refuse: reject }),
      ),
  )
  return { sent, send }
}

const [a, b, c] = [createClient(), createClient(), createClient()] as const

describe("Subscribers", () => {
  it("tells the server once, however many subscribe at once", async () => {
    const subscribers = new Subscribers()
    const { sent, send } = sending()
    const done: string[] = []
    for (const [name, client] of Object.entries({ a, b, c }))
      void subscribers.add("u", client, send).then(() => done.push(name))
    await settle()
    expect({ sent: sent.length, done }).toEqual({ sent: 1, done: [] })
    sent[0]?.answer()
    await settle()
    expect(done.sort()).toEqual(["a", "b", "c"])
    expect(subscribers.of("u")).toEqual([a, b, c])
    await subscribers.add("u", a, send)
    expect(send).toHaveBeenCalledTimes(1)
  })

  it("tells it the opposite with the last", async () => {
    const subscribers = new Subscribers()
    const on = sending()
    const off = sending()
    const adding = Promise.all([subscribers.add("u", a, on.send), subscribers.add("u", b, on.send)])
    await settle()
    on.sent[0]?.answer()
    await adding
    await subscribers.remove("u", c, off.send)
    await subscribers.remove("u", a, off.send)
    await subscribers.remove("u", a, off.send)
    expect(off.sent).toHaveLength(0)
    const removing = subscribers.remove("u", b, off.send)
    await settle()
    expect(off.sent).toHaveLength(1)
    off.sent[0]?.answer()
    await removing
    await settle()
    expect(subscribers.size).toBe(0)
    await subscribers.remove("u", b, off.send)
    expect(off.sent).toHaveLength(1)
  })

  it("never overtakes itself", async () => {
    const subscribers = new Subscribers()
    const order: string[] = []
    const step = (name: string) => async (): Promise<McpResult> => {
      order.push(`${name} sent`)
      await settle()
      order.push(`${name} answered`)
      return { value: {} }
    }
    await Promise.all([
      subscribers.add("u", a, step("first")),
      subscribers.remove("u", a, step("off")),
      subscribers.add("u", b, step("second")),
    ])
    expect(order).toEqual(["first", "off", "second"].flatMap((name) => [`${name} sent`, `${name} answered`]))
    expect(subscribers.of("u")).toEqual([b])
  })

  it("lets others try when the first fails", async () => {
    const subscribers = new Subscribers()
    const [first, second] = [sending(), sending()]
    const failing = subscribers.add("u", a, first.send)
    const waiting = subscribers.add("u", b, second.send)
    const third = subscribers.add("u", c, second.send)
    await settle()
    first.sent[0]?.refuse(new Error("cancelled"))
    await expect(failing).rejects.toThrow("cancelled")
    await settle()
    expect(second.sent).toHaveLength(1)
    second.sent[0]?.answer()
    await Promise.all([waiting, third])
    expect(subscribers.of("u")).toEqual([b, c])
  })

  it("keeps nothing of what was refused", async () => {
    const subscribers = new Subscribers()
    await expect(subscribers.add("u", a, () => Promise.reject(new Error("no")))).rejects.toThrow("no")
    expect({ size: subscribers.size, uris: subscribers.urisOf(a) }).toEqual({ size: 0, uris: [] })
    const off = sending()
    await subscribers.remove("u", a, off.send)
    expect(off.sent).toHaveLength(0)
  })

  it("knows whom a change concerns, and what each wants", async () => {
    const subscribers = new Subscribers()
    const send = async (): Promise<McpResult> => ({ value: {} })
    await subscribers.add("file:///d", a, send)
    await subscribers.add("file:///d/", b, send)
    await subscribers.add("file:///d/f", b, send)
    expect(subscribers.of("file:///d/f")).toEqual([a, b])
    expect(subscribers.of("file:///d")).toEqual([a])
    expect(subscribers.of("file:///dd")).toEqual([])
    expect(subscribers.urisOf(b)).toEqual(["file:///d/", "file:///d/f"])
  })
})
