/** `k=v` arguments against the schemas that tools really have. */
import { describe, expect, it } from "vitest"
import { parseObject, splitPairs, typedArguments } from "../../src/cli/pairs.ts"
import type { JsonObject } from "../../src/protocol/json.ts"

const typed = (pair: string, schema: JsonObject): unknown =>
  typedArguments(splitPairs([pair]), { type: "object", properties: { v: schema } }, "tool")["v"]

describe("values follow the schema", () => {
  it.each<[string, JsonObject, unknown]>([
    ["v=2", { type: "number" }, 2],
    ["v=-1.5e3", { type: "number" }, -1500],
    ["v=2", { type: "integer" }, 2],
    ["v=2", { type: "string" }, "2"],
    ["v=", { type: "string" }, ""],
    ["v=a=b", { type: "string" }, "a=b"],
    ["v=true", { type: "boolean" }, true],
    ["v=true", { type: "string" }, "true"],
    ["v=null", { type: ["number", "null"] }, null],
    ["v=[1,2]", { type: "array", items: { type: "number" } }, [1, 2]],
    ["v=[1]", { items: { type: "number" } }, [1]],
    ['v={"a":1}', { type: "object" }, { a: 1 }],
    ["v=5", { anyOf: [{ type: "string" }, { type: "number" }] }, 5],
    ["v=five", { anyOf: [{ type: "number" }, { type: "string" }] }, "five"],
    ["v=2", { enum: [1, 2] }, 2],
    ["v=2", { enum: ["1", "2"] }, "2"],
    ["v=2", { const: 2 }, 2],
    ["v=2", {}, "2"],
  ])("%s with %j", (pair, schema, value) => {
    expect(typed(pair, schema)).toEqual(value)
  })

  it("follows references", () => {
    const schema = { properties: { v: { $ref: "#/$defs/size" } }, $defs: { size: { type: "integer" } } }
    expect(typedArguments(splitPairs(["v=2"]), schema, "tool")).toEqual({ v: 2 })
    const loop = { properties: { v: { $ref: "#/properties/v" } } }
    expect(typedArguments(splitPairs(["v=2"]), loop, "tool")).toEqual({ v: "2" })
  })

  it.each<[string, JsonObject, RegExp]>([
    ["v=x", { type: "number" }, /v is a number, not "x"/],
    ["v=0x10", { type: "number" }, /a number/],
    ["v=1.5", { type: "integer" }, /a whole number, not "1.5"/],
    ["v=yes", { type: "boolean" }, /true or false, not "yes"/],
    ["v=1,2", { type: "array" }, /a JSON list, not "1,2"/],
    ["v=[]", { type: "object" }, /a JSON object/],
    ["v=x", { type: ["number", "boolean"] }, /true or false or a number/],
  ])("refuses %s with %j", (pair, schema, message) => {
    expect(() => typed(pair, schema)).toThrow(message)
  })
})

describe("keys", () => {
  it("are those of the schema", () => {
    const schema = { properties: { text: {}, limit: {} } }
    expect(() => typedArguments(splitPairs(["txt=1"]), schema, "tool")).toThrow(
      'tool has no argument "txt"; it takes text, limit',
    )
    expect(() => typedArguments(splitPairs(["x=1"]), { properties: {} }, "tool")).toThrow("it takes none")
    expect(() => typedArguments(splitPairs(["constructor=1"]), schema, "tool")).toThrow("no argument")
  })

  it("are free where the schema leaves them so", () => {
    expect(typedArguments(splitPairs(["x=1"]), {}, "tool")).toEqual({ x: "1" })
    const numbers = { properties: {}, additionalProperties: { type: "number" } }
    expect(typedArguments(splitPairs(["x=1"]), numbers, "tool")).toEqual({ x: 1 })
  })
})

it("--json is an object", () => {
  expect(parseObject('{"a":[1]}')).toEqual({ a: [1] })
  for (const text of ["", "[]", "null", "1", '"x"', "{a:1}"]) expect(() => parseObject(text)).toThrow("--json")
})
