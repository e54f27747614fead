import { UriTemplate } from "@modelcontextprotocol/client"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { createNamespace, isHttp } from "../../src/composition/namespace.ts"
import type { UriFormat } from "../../src/composition/types.ts"
import { holds, prefixes, rulesOf, uris } from "./property.ts"

const formats = fc.constantFrom<UriFormat>("path", "protocol", "none")

function namespaceOf(prefix: string, uriFormat: UriFormat = "path") {
  return createNamespace(rulesOf("server", { prefix, uris: uriFormat }))
}

describe("URIs", () => {
  test.each([
    ["path", "file:///p", "file://n//p"],
    ["path", "notes://a/b?c#d", "notes://n/a/b?c#d"],
    ["path", "file://", "file://n/"],
    ["path", "urn:isbn:1", "x-mcp://n/urn:isbn:1"],
    ["path", "foo", "x-mcp://n/foo"],
    ["path", "", "x-mcp://n/"],
    ["path", "x-mcp://n/urn:isbn:1", "x-mcp://n/x-mcp://n/urn:isbn:1"],
    ["path", "ui://app/x", "ui://n/app/x"],
    ["path", "http://h/p", "http://h/p"],
    ["path", "HTTPS://h/p", "HTTPS://h/p"],
    ["path", "{+uri}", "x-mcp://n/{+uri}"],
    ["path", "{scheme}://x", "x-mcp://n/{scheme}://x"],
    ["path", "notes{?q}", "x-mcp://n/notes{?q}"],
    ["path", "notes://{id}{?q}", "notes://n/{id}{?q}"],
    ["path", "https://h/{id}", "https://h/{id}"],
    ["protocol", "file:///p", "n+file:///p"],
    ["protocol", "urn:isbn:1", "n+urn:isbn:1"],
    ["protocol", "ui://app/x", "ui://n/app/x"],
    ["protocol", "{+uri}", "x-mcp://n/{+uri}"],
    ["protocol", "foo", "x-mcp://n/foo"],
    ["protocol", "https://h/p", "https://h/p"],
    ["none", "file:///p", "file:///p"],
    ["none", "ui://app/x", "ui://app/x"],
    ["none", "urn:x", "urn:x"],
  ] as const)("%s: %s is exposed as %s", (format, own, exposed) => {
    const namespace = namespaceOf("n", format)
    expect(namespace.encode("resource", own)).toBe(exposed)
    expect(namespace.encode("resourceTemplate", own)).toBe(exposed)
    expect(namespace.decodeUri(exposed)).toBe(isHttp(own) ? undefined : own)
  })

  test("an empty prefix leaves URIs alone, whatever the format", () => {
    for (const format of ["path", "protocol", "none"] as const) {
      expect(namespaceOf("", format).encode("resource", "file:///p")).toBe("file:///p")
      expect(namespaceOf("", format).decodeUri("urn:x")).toBe("urn:x")
      expect(namespaceOf("", format).unprefixed).toBe(true)
    }
  })

  test("URIs of other namespaces do not decode", () => {
    for (const uri of [
      "file://other//p",
      "file:///p",
      "x-mcp://other/urn:x",
      "o+file:///p",
      "n",
      "file://n",
      "file://nn/p",
    ]) {
      expect(namespaceOf("n").decodeUri(uri), uri).toBeUndefined()
      expect(namespaceOf("n", "protocol").decodeUri(uri), uri).toBeUndefined()
    }
    expect(namespaceOf("n").decodeUri("https://n/p")).toBeUndefined()
  })

  holds(
    "decode(encode(uri)) is the URI",
    fc.property(prefixes, formats, uris, (prefix, format, uri) => {
      const namespace = namespaceOf(prefix, format)
      const exposed = namespace.encode("resource", uri)
      expect(namespace.encode("resource", uri)).toBe(exposed)
      expect(namespace.decodeUri(exposed)).toBe(isHttp(uri) ? undefined : uri)
      if (isHttp(uri)) expect(exposed).toBe(uri)
    }),
    10_000,
  )

  holds(
    "different URIs are exposed differently",
    fc.property(prefixes, formats, fc.uniqueArray(uris, { minLength: 2, maxLength: 12 }), (prefix, format, many) => {
      const namespace = namespaceOf(prefix, format)
      expect(new Set(many.map((uri) => namespace.encode("resource", uri))).size).toBe(many.length)
    }),
  )

  holds(
    "nested namespaces decode step by step",
    fc.property(prefixes, prefixes, formats, formats, uris, (outer, inner, first, second, uri) => {
      fc.pre(!isHttp(uri))
      const [a, b] = [namespaceOf(inner, first), namespaceOf(outer, second)]
      const exposed = b.encode("resource", a.encode("resource", uri))
      expect(a.decodeUri(b.decodeUri(exposed) ?? "")).toBe(uri)
    }),
  )
})

describe("templates", () => {
  const values = fc.record({
    a: fc.oneof(fc.string({ unit: "grapheme", maxLength: 8 }), fc.constantFrom("file:///x", "https://h/p", "ui://x")),
    b: fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
  })
  const templates = fc
    .tuple(
      fc.constantFrom(
        "file:///",
        "notes://",
        "ui://",
        "urn:x:",
        "",
        "foo/",
        "x-mcp://",
        "a:",
        "ui",
        "http:",
        "notes://h/",
      ),
      fc.array(fc.constantFrom("{a}", "{+a}", "{/a}", "{.a}", "{#a}", "{?a,b}", "{&b}", "{?b}", "/x/", "lit", "://"), {
        maxLength: 4,
      }),
    )
    .map(([head, parts]) => head + parts.join(""))

  holds(
    "expanding the exposed template and decoding gives the original expansion",
    fc.property(prefixes, formats, templates, values, (prefix, format, template, variables) => {
      const namespace = namespaceOf(prefix, format)
      const exposed = namespace.encode("resourceTemplate", template)
      // The prefix may hold braces; encoded it does not.
      const expanded = new UriTemplate(exposed).expand(variables)
      const original = new UriTemplate(template).expand(variables)
      if (isHttp(expanded)) expect(expanded).toBe(original)
      else expect(namespace.decodeUri(expanded)).toBe(original)
    }),
    3000,
  )
})

describe("names", () => {
  test("prefix, separator and name", () => {
    expect(createNamespace(rulesOf("s", { prefix: "a", separator: "__" })).encode("tool", "b")).toBe("a__b")
    expect(namespaceOf("").encode("prompt", "b")).toBe("b")
  })

  test("compiled names are pinned: they never change between versions", () => {
    const name = namespaceOf("notes").encode("tool", "read file/now")
    expect(name).toMatch(/^notes_read_file_now_[0-9a-z]{11}$/)
    expect(name).toMatchInlineSnapshot(`"notes_read_file_now_1vyu1zyxmsd"`)
    expect(namespaceOf("notes").encode("tool", "x".repeat(80))).toMatchInlineSnapshot(
      `"notes_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_124637gs4xc"`,
    )
  })

  const names = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 90 }),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.stringMatching(/^[A-Za-z0-9_.-]{1,100}$/),
  )

  holds(
    "exposed names are legal, within the budget and stable",
    fc.property(prefixes, names, fc.integer({ min: 16, max: 128 }), (prefix, name, nameBudget) => {
      const rules = rulesOf("s", { prefix, nameBudget })
      const exposed = createNamespace(rules).encode("tool", name)
      expect(exposed).toMatch(/^[A-Za-z0-9_.-]+$/)
      expect(exposed.length).toBeLessThanOrEqual(nameBudget)
      expect(createNamespace({ ...rules }).encode("prompt", name)).toBe(exposed)
      expect(createNamespace(rules).isCompiled("tool", name)).toBe(exposed !== `${prefix}_${name}`)
    }),
  )

  holds(
    "different names of one server are exposed differently",
    fc.property(prefixes, fc.uniqueArray(names, { minLength: 2, maxLength: 20 }), (prefix, many) => {
      const namespace = createNamespace(rulesOf("s", { prefix, nameBudget: 24 }))
      expect(new Set(many.map((name) => namespace.encode("tool", name))).size).toBe(many.length)
    }),
  )
})
