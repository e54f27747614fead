/** What a client brings back to resume a request: only exactly what it was given, for exactly that request, in time. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { identityOf, isSealedState, RequestStates, type StateFacts } from "../../src/endpoints/requestState.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { holds } from "../composition/property.ts"

const facts: StateFacts = {
  park: "p1",
  round: 1,
  server: "notes",
  principal: "me",
  method: "tools/call",
  name: "notes_write",
  digest: "d",
  expires: 10_000,
}
const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

describe("a sealed state", () => {
  it("says what was sealed, to the instance that sealed it, and hides it from everybody else", () => {
    const states = new RequestStates({ now: () => 0 })
    const state = states.seal(facts)
    expect(isSealedState(state)).toBe(true)
    expect(states.open(state)).toEqual(facts)
    expect(Buffer.from(state, "latin1").toString() + Buffer.from(state.split(".")[2] ?? "", "base64url")).not.toContain(
      "notes",
    )
    expect(states.seal(facts)).not.toBe(state)
    expect(() => new RequestStates({ now: () => 0 }).open(state)).toThrow("made by another instance of this host")
  })

  it("can be opened until it expires", () => {
    let now = 0
    const states = new RequestStates({ now: () => now })
    const state = states.seal(facts)
    now = facts.expires
    expect(states.open(state)).toEqual(facts)
    now += 1
    expect(() => states.open(state)).toThrow("has expired")
  })

  it("can be opened after its key was replaced, until that is forgotten", () => {
    let now = 0
    const states = new RequestStates({ rotateMs: 100, keepMs: 100, now: () => now })
    const state = states.seal({ ...facts, expires: 1e9 })
    now = 150
    expect(states.seal(facts).split(".")[1]).not.toBe(state.split(".")[1])
    expect(states.open(state)).toMatchObject({ park: "p1" })
    now = 251
    states.seal(facts)
    expect(() => states.open(state)).toThrow("has expired")
  })

  const states = new RequestStates({ now: () => 0 })
  const state = states.seal(facts)
  const mutation = fc.oneof(
    fc
      .tuple(fc.nat(state.length - 1), fc.constantFrom(...base64url, ".", "=", " ", "\u0000", "é"))
      .map(([at, to]) => state.slice(0, at) + to + state.slice(at + 1)),
    fc.tuple(fc.nat(state.length - 1), fc.nat(8)).map(([at, n]) => state.slice(0, at) + state.slice(at + n)),
    fc
      .tuple(fc.nat(state.length), fc.stringMatching(/^[A-Za-z0-9._=+/-]{1,6}$/))
      .map(([at, more]) => state.slice(0, at) + more + state.slice(at)),
    // Parts of two states of the same instance.
    fc.nat(state.length).map((at) => {
      const other = states.seal(facts)
      const mixed = state.slice(0, at) + other.slice(at)
      return mixed === other ? "" : mixed
    }),
    fc.string(),
  )
  holds(
    "no mutation of a state is accepted",
    fc.property(mutation, (altered) => {
      fc.pre(altered !== state)
      try {
        states.open(altered)
      } catch (error) {
        return (error as { code?: number }).code === -32602
      }
      return false
    }),
    100_000,
  )
})

describe("the identity of a request", () => {
  const request = (params: JsonObject) => ({ method: "tools/call", params })
  const params: JsonObject = { name: "a", arguments: { x: 1, y: [{ z: null, w: "2" }] } }

  it("does not change with what belongs to its hop, nor with the order of members", () => {
    const retry = {
      arguments: { y: [{ w: "2", z: null }], x: 1 },
      name: "a",
      _meta: { progressToken: 5 },
      requestState: "s",
      inputResponses: { k: {} },
    }
    expect(identityOf(request(retry))).toEqual(identityOf(request(params)))
  })

  it("is another for every other request", () => {
    const others: JsonObject[] = [
      { name: "b", arguments: params["arguments"] as JsonObject },
      { name: "a" },
      { name: "a", arguments: { x: "1", y: [{ z: null, w: "2" }] } },
      { name: "a", arguments: { x: 1, y: [{ w: "2" }] } },
      { ...params, task: {} },
    ]
    const digests = [params, ...others].map((each) => identityOf(request(each)).digest)
    expect(new Set(digests).size).toBe(digests.length)
  })
})
