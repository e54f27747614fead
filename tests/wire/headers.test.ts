import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { decodeHeader, type HeaderPaths, headerPathsOf, modernHeaders, paramMismatch } from "../../src/wire/headers.ts"

const version = { "mcp-protocol-version": "2026-07-28" }

const nameHeader = (name: string): string =>
  modernHeaders("tools/call", { name, arguments: {} }, undefined)["mcp-name"] as string

describe("Mcp-Name and Mcp-Method", () => {
  it("carries what each method names, and nothing where it names nothing", () => {
    expect(modernHeaders("tools/call", { name: "echo" }, undefined)).toEqual({
      ...version,
      "mcp-method": "tools/call",
      "mcp-name": "echo",
    })
    expect(modernHeaders("prompts/get", { name: "greet" }, undefined)["mcp-name"]).toBe("greet")
    expect(modernHeaders("resources/read", { uri: "test://a" }, undefined)["mcp-name"]).toBe("test://a")
    expect(modernHeaders("tools/list", { name: "echo" }, undefined)).toEqual({ ...version, "mcp-method": "tools/list" })
    expect(modernHeaders("subscriptions/listen", {}, undefined)).toEqual({
      ...version,
      "mcp-method": "subscriptions/listen",
    })
  })

  it.each([
    ["us-west1", "us-west1"],
    ["Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="],
    [" padded ", "=?base64?IHBhZGRlZCA=?="],
    ["line1\nline2", "=?base64?bGluZTEKbGluZTI=?="],
    ["=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
  ])("encodes %j as the specification's table does", (value, header) => {
    expect(nameHeader(value)).toBe(header)
    expect(decodeHeader(header)).toBe(value)
  })

  it("encodes everything that begins and ends like the sentinel, Base64 or not", () => {
    for (const value of ["=?base64?not base64!?=", "=?base64??=", "=?base64?=?base64?eA==?=?="]) {
      expect(nameHeader(value)).not.toBe(value)
      expect(decodeHeader(nameHeader(value))).toBe(value)
    }
  })

  it("decodes whatever it encodes, into characters a header may hold", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "binary" }),
      fc.string().map((inner) => `=?base64?${inner}?=`),
    )
    fc.assert(
      fc.property(text, (value) => {
        fc.pre(!/\p{Surrogate}/u.test(value))
        const header = nameHeader(value)
        expect(header).toMatch(/^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/)
        expect(decodeHeader(header)).toBe(value)
      }),
      { numRuns: 200 },
    )
  })

  it.each(["caf\u00e9", "a\u0000b", "a\nb", "=?base64?not base64!?="])("takes %j for malformed", (header) => {
    expect(decodeHeader(header)).toBeUndefined()
  })

  it("knows the markers in lower case only", () => {
    expect(decodeHeader("=?BASE64?eA==?=")).toBe("=?BASE64?eA==?=")
  })
})

const property = (schema: JsonObject): JsonObject => ({ inputSchema: { type: "object", properties: { p: schema } } })

describe("x-mcp-header", () => {
  it("is found at every depth of properties", () => {
    const tool = {
      inputSchema: {
        type: "object",
        properties: {
          region: { type: "string", "x-mcp-header": "Region" },
          nested: { type: "object", properties: { deep: { type: "integer", "x-mcp-header": "Deep" } } },
          plain: { type: "string" },
        },
      },
    }
    expect(headerPathsOf(tool)).toEqual(
      new Map([
        ["Region", ["region"]],
        ["Deep", ["nested", "deep"]],
      ]),
    )
  })

  it("is absent from most tools", () => {
    expect(headerPathsOf({})).toEqual(new Map())
    expect(headerPathsOf({ inputSchema: { type: "object" } })).toEqual(new Map())
    expect(headerPathsOf({ inputSchema: { properties: { p: { description: 'an "x-mcp-header" of old' } } } })).toEqual(
      new Map(),
    )
  })

  it("may be the name of a parameter", () => {
    const tool = { inputSchema: { type: "object", properties: { "x-mcp-header": { type: "string" } } } }
    expect(headerPathsOf(tool)).toEqual(new Map())
  })

  it.each<[string, JsonObject]>([
    ["an empty name", property({ type: "string", "x-mcp-header": "" })],
    ["a name with a space", property({ type: "string", "x-mcp-header": "My Region" })],
    ["a name with a line break", property({ type: "string", "x-mcp-header": "Region\r\nX: y" })],
    ["a name that is no text", property({ type: "string", "x-mcp-header": 7 })],
    ["a number", property({ type: "number", "x-mcp-header": "P" })],
    ["an object", property({ type: "object", "x-mcp-header": "P" })],
    ["an array", property({ type: "array", "x-mcp-header": "P" })],
    ["no type", property({ "x-mcp-header": "P" })],
    ["items", property({ type: "array", items: { type: "string", "x-mcp-header": "P" } })],
    ["a composition", property({ anyOf: [{ type: "string", "x-mcp-header": "P" }] })],
    ["a condition", { inputSchema: { if: { properties: { p: { type: "string", "x-mcp-header": "P" } } } } }],
    ["a definition", { inputSchema: { $defs: { d: { type: "string", "x-mcp-header": "P" } } } }],
    ["the schema itself", { inputSchema: { type: "string", "x-mcp-header": "P" } }],
    [
      "a name given twice",
      {
        inputSchema: {
          properties: { a: { type: "string", "x-mcp-header": "Same" }, b: { type: "string", "x-mcp-header": "sAME" } },
        },
      },
    ],
  ])("makes a tool invalid on %s", (_what, tool) => {
    expect(headerPathsOf(tool)).toHaveProperty("invalid", expect.any(String))
  })

  it.each(["string", "integer", "boolean"])("may be on a %s", (type) => {
    expect(headerPathsOf(property({ type, "x-mcp-header": "P" }))).toEqual(new Map([["P", ["p"]]]))
  })
})

const paths: HeaderPaths = new Map([
  ["Region", ["region"]],
  ["Deep", ["nested", "deep"]],
])

describe("Mcp-Param headers", () => {
  it("mirror the arguments that are there", () => {
    const params = { name: "t", arguments: { region: "us west", nested: { deep: -7 }, other: true } }
    expect(modernHeaders("tools/call", params, paths)).toEqual({
      ...version,
      "mcp-method": "tools/call",
      "mcp-name": "t",
      "mcp-param-region": "us west",
      "mcp-param-deep": "-7",
    })
    expect(modernHeaders("tools/call", { name: "t", arguments: { region: null } }, paths)).not.toHaveProperty(
      "mcp-param-region",
    )
    expect(modernHeaders("tools/call", { name: "t" }, paths)).not.toHaveProperty("mcp-param-deep")
  })

  it("do not follow prototypes", () => {
    const odd: HeaderPaths = new Map([["P", ["constructor", "name"]]])
    expect(modernHeaders("tools/call", { name: "t", arguments: {} }, odd)).not.toHaveProperty("mcp-param-p")
  })

  it("agree with what is checked, whatever the values", () => {
    const value = fc.oneof(fc.string({ unit: "grapheme" }), fc.maxSafeInteger(), fc.boolean(), fc.constant(null))
    fc.assert(
      fc.property(value, value, (region, deep) => {
        const params = { name: "t", arguments: { region, nested: { deep } } }
        const headers = modernHeaders("tools/call", params, paths)
        expect(paramMismatch(params, paths, (name) => headers[name])).toBeUndefined()
      }),
    )
  })

  const check = (args: JsonObject, headers: Record<string, string>): string | undefined =>
    paramMismatch({ name: "t", arguments: args }, paths, (name) => headers[name])

  it("compare integers as numbers", () => {
    expect(check({ nested: { deep: 42 } }, { "mcp-param-deep": "42.0" })).toBeUndefined()
    expect(check({ nested: { deep: 42 } }, { "mcp-param-deep": "43" })).toContain("Deep")
  })

  it("accept the Base64 form of a plain value", () => {
    expect(check({ region: "x" }, { "mcp-param-region": "=?base64?eA==?=" })).toBeUndefined()
  })

  it.each<[string, JsonObject, Record<string, string>]>([
    ["missing", { region: "x" }, {}],
    ["another value", { region: "x" }, { "mcp-param-region": "y" }],
    ["another case", { region: "x" }, { "mcp-param-region": "X" }],
    ["malformed", { region: "x" }, { "mcp-param-region": "caf\u00e9" }],
    ["given for null", { region: null }, { "mcp-param-region": "null" }],
    ["given for nothing", {}, { "mcp-param-region": "x" }],
  ])("mismatch when %s", (_what, args, headers) => {
    expect(check(args, headers)).toContain("Region")
  })
})
