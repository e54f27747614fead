import { describe, expect, it } from "vitest"
import {
  fromErrorObject,
  isHostError,
  ProtocolError,
  toErrorObject,
  upstreamError,
  type WireErrorName,
  wireErrors,
  withServer,
} from "../../src/protocol/errors.ts"

const facts = { reason: "it is down", sent: "no", retryable: true } as const

describe("the host's own errors", () => {
  it("have the codes and names of the contract", () => {
    const codes = Object.entries(wireErrors).map(([name, { code }]) => [code, name])
    expect(codes).toEqual([
      [-31001, "UPSTREAM_UNAVAILABLE"],
      [-31002, "UPSTREAM_TIMEOUT"],
      [-31003, "UPSTREAM_PROTOCOL"],
      [-31004, "LIMIT_EXCEEDED"],
      [-31005, "UPSTREAM_AUTH"],
      [-31006, "BUSY"],
      [-31007, "DRAINING"],
      [-31008, "STORE_UNAVAILABLE"],
    ])
  })

  it.each(Object.keys(wireErrors) as WireErrorName[])("%s carries all of its data", (name) => {
    const error = upstreamError(name, { server: "team/github", ...facts })
    expect(toErrorObject(error)).toEqual({
      code: wireErrors[name].code,
      message: "team/github: it is down",
      data: { server: "team/github", reason: "it is down", sent: "no", retryable: true, help: wireErrors[name].help },
    })
    expect(isHostError(error)).toBe(true)
  })

  it("learn their server once, and others never", () => {
    const nameless = upstreamError("UPSTREAM_TIMEOUT", facts)
    const named = withServer(nameless, "a") as ProtocolError
    expect(named).toMatchObject({ message: "a: it is down", data: { server: "a", reason: "it is down" } })
    expect(withServer(named, "b")).toBe(named)
    for (const other of [
      new ProtocolError(-32602, "x", { server: "" }),
      new ProtocolError(-31000, "x"),
      new Error("x"),
      7,
    ]) {
      expect(withServer(other, "a")).toBe(other)
    }
  })
})

describe("error objects", () => {
  it.each([
    { code: -32050, message: "m" },
    { code: 1, message: "", data: null },
    { code: -32602, message: "m", data: { a: [1, { b: null }] } },
    { code: -32602, message: "m", data: "text" },
  ])("survive the way in and out: %j", (object) => {
    expect(toErrorObject(fromErrorObject(object))).toEqual(object)
  })

  it("of anything else tell nothing of it", () => {
    for (const thrown of [new TypeError("secret"), "secret", { code: -1, message: "secret" }, undefined, null]) {
      expect(toErrorObject(thrown)).toEqual({ code: -32603, message: "Internal error" })
    }
  })

  it("that are malformed are tolerated", () => {
    expect(fromErrorObject("broken")).toMatchObject({ code: -32603, message: "Malformed error" })
    expect(fromErrorObject({ code: "x", message: 7 })).toMatchObject({ code: -32603, message: "" })
  })
})
