import { describe, expect, test } from "vitest"
import { cpuMs, failure, load, problems, promisedMs, server } from "./support.ts"

describe("YAML", () => {
  test.each([
    ["empty", "", "1:1 MANIFEST_EMPTY the manifest is empty"],
    ["only comments", "# one\n# two\n", "1:1 MANIFEST_EMPTY the manifest is empty"],
    ["only a document mark", "---\n", "1:1 MANIFEST_EMPTY the manifest is empty"],
    ["null", "~", "1:1 MANIFEST_EMPTY the manifest is empty"],
    ["a list", "- a\n", "1:1 MANIFEST_INVALID_VALUE the manifest must be a mapping of keys, given a list"],
    ["a scalar", "hello", "1:1 MANIFEST_INVALID_VALUE the manifest must be a mapping of keys, given a single value"],
    ["tabs", "servers:\n\ta: {}\n", "2:1 MANIFEST_SYNTAX invalid YAML: tabs may not indent; use spaces"],
    [
      "two documents",
      "servers: {}\n---\nservers: {}\n",
      "2:1 MANIFEST_SYNTAX the manifest must be one YAML document, found a second one",
    ],
    ["YAML 1.1", "%YAML 1.1\n---\nservers: {}", "1:1 MANIFEST_SYNTAX the manifest must be YAML 1.2, given %YAML 1.1"],
    ["a custom tag", "servers: !x {}", "1:10 MANIFEST_SYNTAX invalid YAML: unknown tag !x; tags are not supported"],
    ["a tag for code", "servers: {}\nhost: !!js/function 'x'", /^2:7 MANIFEST_SYNTAX .*tags are not supported$/],
    ["a missing anchor", "servers: *x", '1:10 MANIFEST_SYNTAX invalid YAML: the alias "*x" has no anchor before it'],
    [
      "an alias to itself",
      "servers: &s { a: *s }",
      '1:18 MANIFEST_SYNTAX invalid YAML: the alias "*s" contains itself',
    ],
    ["an unclosed bracket", "servers: {", /^1:11 MANIFEST_SYNTAX invalid YAML: /],
    ["an unclosed quote", 'servers: "a', /^1:12 MANIFEST_SYNTAX invalid YAML: /],
    ["a key that is a list", "servers: {}\n? [a]\n: b", "2:3 MANIFEST_SYNTAX invalid YAML: keys must be plain text"],
    [
      "a bare dash",
      "servers: {}\nhost:\n  separator: -\n",
      "3:14 MANIFEST_SYNTAX invalid YAML: a list cannot begin on the line of its key",
    ],
    ["a reference without quotes in { }", "servers: { a: { mount: ${X} } }", /^1:25 MANIFEST_SYNTAX/],
  ])("%s", async (_, text, expected) => {
    expect(await problems(text)).toEqual([typeof expected === "string" ? expected : expect.stringMatching(expected)])
  })

  test("every syntax error is told, one for each line", async () => {
    expect((await problems("a: b: c\nd: e: f\n")).length).toBe(2)
  })

  test("help for a reference without quotes", async () => {
    expect((await failure("servers: { a: { mount: ${X} } }")).help).toContain("in quotes")
  })

  test.each([
    [
      "merge key",
      "servers:\n  a:\n    mount: x\n    config:\n      b: &b { c: 1 }\n      <<: *b",
      "6:7 MANIFEST_SYNTAX merge keys (<<) are not part of YAML 1.2",
    ],
    [
      "duplicate key",
      "servers:\n  a: { mount: x }\n  a: { mount: y }",
      '3:3 MANIFEST_DUPLICATE_KEY the key "a" is given twice, first in line 2',
    ],
    [
      "duplicate key written another way",
      "servers:\n  a: { mount: x, config: { b: 1, 'b': 2 } }",
      /^2:34 MANIFEST_DUPLICATE_KEY/,
    ],
    [
      "not a JSON number",
      "servers:\n  a: { mount: x, config: { b: .inf } }",
      '2:31 MANIFEST_INVALID_VALUE ".inf" is not a number that JSON can carry',
    ],
    ["NUL in text", 'servers:\n  a: { mount: x, config: { b: "\\0" } }', /^2:31 MANIFEST_INVALID_VALUE .*NUL/],
    [
      "binary",
      "servers:\n  a: { mount: x, config: { b: !!binary aGk= } }",
      /^2:\d+ MANIFEST_SYNTAX .*tags are not supported/,
    ],
  ])("%s", async (_, text, expected) => {
    expect(await problems(text)).toEqual([typeof expected === "string" ? expected : expect.stringMatching(expected)])
  })

  test.each(["__proto__", "constructor", "prototype"])("the key %s is refused at every level", async (key) => {
    const text = `${key}: 1\nservers:\n  ${key}: { mount: x }\n  a:\n    mount: x\n    config: { b: [{ "${key}": { x: 1 } }] }`
    expect(await problems(text)).toEqual([
      expect.stringMatching(/^1:1 MANIFEST_UNKNOWN_KEY/),
      expect.stringMatching(/^3:3 MANIFEST_UNKNOWN_KEY/),
      `6:21 MANIFEST_UNKNOWN_KEY the key "${key}" is not allowed anywhere in the manifest`,
    ])
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
  })
})

describe("YAML that is fine", () => {
  test.each([
    ["a byte order mark", "\uFEFFservers: { a: { mount: x } }"],
    ["CRLF", "servers:\r\n  a:\r\n    mount: x\r\n"],
    ["an explicit document", "%YAML 1.2\n---\nservers: { a: { mount: x } }\n...\n"],
    ["comments", "# one\nservers: # two\n  a: # three\n    mount: x # four\n"],
    [
      "aliases for whole values",
      "defaults: &d { onDown: skip }\nservers: { a: { mount: x, config: { d: *d, e: *d } } }",
    ],
    ["JSON", '{"servers": {"a": {"mount": "x"}}}'],
    ["core tags", "servers: !!map { a: { mount: !!str x } }"],
    [
      "brackets in text",
      `servers:\n  a:\n    mount: x\n    config:\n      a: "${"[".repeat(200)}"\n      b: |\n        ${"{[".repeat(200)}\n      c: x ${"[".repeat(200)} # ${"[".repeat(200)}\n`,
    ],
    ["tabs after values", "servers:\t{ a: { mount: x } }\t# end\n"],
  ])("%s", async (_, text) => {
    const manifest = await load(text)
    expect(manifest.servers.map(({ key, target }) => [key, target.kind])).toEqual([["a", "package"]])
  })

  test("YAML 1.2 words: yes, no and on are text", async () => {
    expect((await server("mount: x\nconfig: { a: yes, b: no, c: on, d: 0o17, e: 012 }")).config).toEqual({
      a: "yes",
      b: "no",
      c: "on",
      d: 15,
      e: 12,
    })
  })

  test("an alias copies the value of the anchor before it", async () => {
    const entry = await server("mount: x\nconfig: { a: &x [1], b: *x, c: &x [2], d: *x }")
    expect(entry.config).toEqual({ a: [1], b: [1], c: [2], d: [2] })
  })

  test("a long list of servers takes no long time", async () => {
    const text = `servers:\n${Array.from({ length: 2500 }, (_, i) => `  s${i}: { mount: x, tags: { include: [a] } }\n`).join("")}`
    const start = cpuMs()
    expect((await load(text)).servers).toHaveLength(2500)
    expect(cpuMs() - start).toBeLessThan(promisedMs)
  })
})
