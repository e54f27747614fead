/** The middleware `validate`: what it refuses and with which words, and what it leaves alone. */
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import { closeAll } from "./files.ts"
import { createMetrics } from "./metrics.ts"
import { createScripted, text, tool } from "./scriptedServer.ts"
import { start } from "./support.ts"

afterEach(closeAll)

/** A host with one server whose tools are of these schemas. */
async function checking(
  schemas: Readonly<Record<string, JsonObject>>,
  manifest = "middleware: [validate]\nservers: { s: { mount: ./s.mjs } }",
) {
  const tools = Object.entries(schemas).map(([name, schema]) => tool(name, false, schema))
  const server = createScripted({ lists: { tools }, answer: () => text("ok") })
  const metrics = createMetrics()
  const started = await start(manifest, { files: { "s.mjs": server.code }, metrics })
  const one = started.client()
  const warnings = () => started.log.filter(({ level }) => level === 40).map(({ msg }) => String(msg))
  return {
    ...started,
    one,
    server,
    metrics,
    warnings,
    said: (name: string, args: JsonObject) => one.call(name, args).then(textOf),
  }
}

const textOf = (result: JsonObject): string => String((result["content"] as JsonObject[])[0]?.["text"])

const search: JsonObject = {
  type: "object",
  properties: {
    query: { type: "string", minLength: 1, description: "What to look for" },
    limit: { type: "integer", minimum: 1, maximum: 100 },
    sort: { enum: ["name", "date"] },
    since: { anyOf: [{ type: "string" }, { type: "null" }] },
    where: { type: "array", minItems: 1, items: { $ref: "#/$defs/place" } },
  },
  required: ["query"],
  additionalProperties: false,
  $defs: { place: { type: "object", properties: { "a/b": { type: "boolean" } }, required: ["a/b"] } },
}

describe("arguments that do not fit", () => {
  it("are answered as a failed tool that says where, what is wrong and what is allowed", async () => {
    const { one, server, metrics } = await checking({ search })
    const result = await one.call("s_search", {
      query: "",
      limit: "ten",
      sort: "size",
      since: 3,
      where: [{ "a/b": 1 }, {}],
      limt: 3,
    })
    expect(result["isError"]).toBe(true)
    expect(textOf(result).split("\n")).toEqual([
      "Invalid arguments for s_search; it was not called.",
      '- query must be text at least 1 characters long, given ""',
      '- limit must be a whole number from 1 to 100, given "ten"',
      '- sort must be one of "name", "date", given "size"',
      "- since must be text or null, given 3",
      "- where.0.a/b must be true or false, given 1",
      "- where.1.a/b is missing: true or false",
      '- limt is not known. Did you mean "limit"? Known: query, limit, sort, since, where',
      'Example: {"query":"text"}',
      "Correct the arguments and call it again.",
    ])
    expect(await one.call("s_search", {})).toMatchObject({ isError: true })
    expect(server.seen).toEqual([])
    expect(metrics.of("mcp_host_validate_calls_total")).toEqual({ "s invalid": 2 })
  })

  it("also around one server, in its own names and by its own schema", async () => {
    const { said, server } = await checking(
      { search },
      `servers: { s: { mount: ./s.mjs, middleware: [validate], tools: { override: { search: { args: { limit: { hide: true, value: 500 } } } } } } }`,
    )
    expect(await said("s_search", { query: "x" })).toContain("limit must be a whole number from 1 to 100, given 500")
    expect(server.seen).toEqual([])
  })

  it("are judged by the schema that clients see", async () => {
    const { said, server } = await checking(
      { search },
      `middleware: [validate]\nservers: { s: { mount: ./s.mjs, tools: { override: { search: { args: { query: { name: q } } } } } } }`,
    )
    expect(await said("s_search", { query: "x" })).toContain("- q is missing: text at least 1 characters long")
    expect(await said("s_search", { q: "x" })).toBe("ok")
    expect(server.seen).toMatchObject([{ params: { arguments: { query: "x" } } }])
  })

  it("are told up to ten at once, and shown up to a length", async () => {
    const names = Array.from({ length: 13 }, (_, at) => `n${at}`)
    const properties = Object.fromEntries(names.map((name) => [name, { type: "number" }]))
    const { said } = await checking({ many: { type: "object", properties } })
    const told = await said("s_many", Object.fromEntries(names.map((name) => [name, "x".repeat(5_000)])))
    expect(told).toContain("- and 3 more")
    expect(told.length).toBeLessThan(2_500)
  })

  it("are no object", async () => {
    const { one, server } = await checking({ search })
    const result = await one.request("tools/call", { name: "s_search", arguments: [1] })
    expect(result).toMatchObject({ isError: true })
    expect(server.seen).toEqual([])
  })
})

describe("what passes", () => {
  it("is what fits, unknown tools, and tools that are excepted", async () => {
    const { said, one, server, metrics } = await checking(
      { search, other: search },
      `middleware: [{ validate: { only: ["s_*"], except: [s_other] } }]\nservers: { s: { mount: ./s.mjs } }`,
    )
    expect(await said("s_search", { query: "x", where: [{ "a/b": true, more: 1 }], since: null })).toBe("ok")
    expect(await said("s_other", { wrong: true })).toBe("ok")
    await expect(one.call("s_unknown")).rejects.toMatchObject({ code: -32602 })
    expect(server.seen).toHaveLength(2)
    expect(metrics.of("mcp_host_validate_calls_total")).toEqual({ "s valid": 1, "s unchecked": 1 })
  })

  it.each<[string, JsonObject, JsonObject, JsonValue]>([
    [
      "draft 4",
      {
        $schema: "http://json-schema.org/draft-04/schema#",
        properties: { n: { type: "number", minimum: 1, exclusiveMinimum: true } },
      },
      { n: 2 },
      { n: 1 },
    ],
    [
      "draft 7",
      { $schema: "http://json-schema.org/draft-07/schema#", properties: { n: { items: [{ type: "number" }] } } },
      { n: [1, "x"] },
      { n: ["x"] },
    ],
    ["2020-12", { properties: { n: { prefixItems: [{ type: "number" }] } } }, { n: [1, "x"] }, { n: ["x"] }],
    [
      "a schema with an id",
      { $id: "https://example.com/s", properties: { n: { $ref: "#/$defs/n" } }, $defs: { n: { const: 1 } } },
      { n: 1 },
      { n: 2 },
    ],
  ])("%s is read as such", async (_name, schema, good, bad) => {
    const { said, warnings } = await checking({ t: schema })
    expect(await said("s_t", good)).toBe("ok")
    expect(await said("s_t", bad as JsonObject)).toContain("Invalid arguments for s_t")
    expect(warnings()).toEqual([])
  })
})

describe("what a schema cannot make the host do", () => {
  it("run an expression that backtracks: it is skipped, and that is logged once", async () => {
    const { said, warnings, server } = await checking({
      t: { properties: { a: { type: "string", pattern: "(a+)+$" }, b: { type: "string", pattern: "^[a-z]+$" } } },
    })
    const hostile = `${"a".repeat(100_000)}!`
    for (let time = 0; time < 3; time += 1) expect(await said("s_t", { a: hostile })).toBe("ok")
    expect(server.seen).toHaveLength(3)
    expect(warnings()).toEqual([
      'of the input schema of s_t is not checked: the pattern "(a+)+$", which could take without end',
    ])
    expect(await said("s_t", { a: 1 })).toContain("a must be text")
    expect(await said("s_t", { b: "A" })).toContain('b must be text matching "^[a-z]+$", given "A"')
  })

  it("run one that takes quadratic time on a text that is too long for it", async () => {
    const { said } = await checking({ t: { properties: { a: { type: "string", pattern: "^a.*b.*c$" } } } })
    expect(await said("s_t", { a: "abd" })).toContain("a must be text matching")
    expect(await said("s_t", { a: `a${"b".repeat(100_000)}` })).toBe("ok")
  })

  it("fetch a schema, or follow what is not there", async () => {
    const { said, warnings } = await checking({
      far: { properties: { a: { $ref: "https://127.0.0.1:9/schema.json" }, b: { type: "number" } } },
      near: { properties: { a: { $ref: "#/$defs/none" } } },
    })
    expect(await said("s_far", { a: { any: 1 }, b: 1 })).toBe("ok")
    expect(await said("s_far", { b: "x" })).toContain("b must be a number")
    for (let time = 0; time < 2; time += 1) expect(await said("s_near", { a: 1 })).toBe("ok")
    expect(warnings()).toEqual([
      'of the input schema of s_far is not checked: the reference "https://127.0.0.1:9/schema.json", which leads out of the schema',
      'arguments of s_near are not checked: Unresolved $ref "#/$defs/none"',
    ])
  })

  it("count without end: large schemas, and small ones that grow", async () => {
    const names = Array.from({ length: 1_001 }, (_, at) => `n${at}`)
    const twice = (to: string): JsonObject => ({ allOf: [{ $ref: `#/$defs/${to}` }, { $ref: `#/$defs/${to}` }] })
    const levels = Array.from({ length: 40 }, (_, at): [string, JsonObject] => [`d${at}`, twice(`d${at + 1}`)])
    const { said, warnings } = await checking({
      large: { properties: Object.fromEntries(names.map((name) => [name, { type: "number" }])) },
      grows: { properties: { a: twice("d0") }, $defs: Object.fromEntries([...levels, ["d40", { type: "number" }]]) },
      loops: { properties: { a: { $ref: "#/$defs/a" } }, $defs: { a: { $ref: "#/$defs/a" } } },
    })
    for (let time = 0; time < 2; time += 1)
      for (const name of ["large", "grows", "loops"]) expect(await said(`s_${name}`, { a: 1, n1: "x" })).toBe("ok")
    expect(warnings()).toEqual([
      "arguments of s_large are not checked: its input schema has more than 1000 schemas in it",
      "arguments of s_grows are not checked: checking takes more than 50000 steps",
      expect.stringMatching(/^arguments of s_loops are not checked: (checking takes more|Maximum call stack)/),
    ])
  })

  it("compare each of many with each", async () => {
    const { said } = await checking({ t: { properties: { a: { type: "array", uniqueItems: true } } } })
    expect(await said("s_t", { a: [1, 1] })).toContain("a must be a list of items that are all different, given [1,1]")
    expect(await said("s_t", { a: Array.from({ length: 100_000 }, () => 1) })).toBe("ok")
  })

  it("refuse what fits only because something of it is left out", async () => {
    const { said } = await checking({
      choice: {
        properties: {
          a: {
            oneOf: [
              { type: "string", format: "date" },
              { type: "string", format: "uri" },
            ],
          },
        },
      },
      never: { properties: { a: { not: { pattern: "(a+)+$" } } } },
      names: { patternProperties: { "(x+)+$": { type: "number" } }, additionalProperties: false },
    })
    expect(await said("s_choice", { a: "2026-01-01" })).toBe("ok")
    expect(await said("s_choice", { a: 1 })).toContain("Invalid arguments")
    expect(await said("s_never", { a: "b" })).toBe("ok")
    expect(await said("s_names", { xx: 1 })).toBe("ok")
  })
})

describe("options", () => {
  it("that are wrong are refused at their place", async () => {
    const error = await start(`middleware: [{ validate: { only: s_a } }]\nservers: {}`).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(ManifestError)
    const [problem] = (error as ManifestError).problems
    expect(problem).toMatchObject({ code: "MANIFEST_INVALID_VALUE", place: { line: 1, column: 34 } })
    expect(problem?.message).toContain("middleware[0].validate.only must be a list of globs over tools")
  })
})
