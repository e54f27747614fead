import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { claimedVersion, erasToTry, metaKeys, withoutEnvelope } from "../../src/wire/eras/versions.ts"

const envelope = {
  [metaKeys.protocolVersion]: "2026-07-28",
  [metaKeys.clientInfo]: { name: "c" },
  [metaKeys.clientCapabilities]: {},
  [metaKeys.logLevel]: "info",
}

describe("withoutEnvelope", () => {
  it("takes away what belongs to the hop and keeps the rest", () => {
    const params = { name: "t", _meta: { ...envelope, progressToken: 1, traceparent: "00-1", "x/y": { z: null } } }
    expect(withoutEnvelope(params)).toEqual({
      name: "t",
      _meta: { progressToken: 1, traceparent: "00-1", "x/y": { z: null } },
    })
    expect(params._meta).toHaveProperty([metaKeys.protocolVersion])
  })

  it("leaves no empty _meta behind, but keeps one that was empty", () => {
    expect(withoutEnvelope({ name: "t", _meta: envelope })).toEqual({ name: "t" })
    expect(withoutEnvelope({ _meta: {} })).toEqual({ _meta: {} })
  })

  it("is the same object when there is nothing to take", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (meta) => {
        const params = { a: 1, _meta: JSON.parse(JSON.stringify(meta)) }
        expect(withoutEnvelope(params)).toBe(params)
      }),
    )
  })

  it("keeps other reserved keys of the specification", () => {
    const params = { _meta: { "io.modelcontextprotocol/related-task": { taskId: "1" }, ...envelope } }
    expect(withoutEnvelope(params)).toEqual({ _meta: { "io.modelcontextprotocol/related-task": { taskId: "1" } } })
  })
})

describe("claimedVersion", () => {
  it("is what the envelope says, whatever it says", () => {
    expect(claimedVersion({ _meta: envelope })).toBe("2026-07-28")
    expect(claimedVersion({ _meta: { [metaKeys.protocolVersion]: "1999-01-01" } })).toBe("1999-01-01")
    expect(claimedVersion({ _meta: { [metaKeys.protocolVersion]: 7 } })).toBeUndefined()
    expect(claimedVersion({})).toBeUndefined()
  })
})

describe("erasToTry", () => {
  it.each([
    ["legacy", "modern", ["legacy"]],
    ["modern", "legacy", ["modern"]],
    ["auto", "modern", ["modern", "legacy"]],
    ["auto", "legacy", ["legacy", "modern"]],
    ["auto", undefined, ["legacy", "modern"]],
  ] as const)("%s for a %s client is %j", (setting, client, eras) => {
    expect(erasToTry(setting, client)).toEqual(eras)
  })
})
