import { UriTemplate } from "@modelcontextprotocol/client"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { composeCatalog } from "../../src/composition/compose.ts"
import type { Source } from "../../src/composition/types.ts"
import { holds, sourceOf } from "./property.ts"

const compose = (...sources: Source[]) => composeCatalog(sources, { collisions: "error" })

describe("whose URI it is", () => {
  const catalog = compose(
    sourceOf("notes", { resource: ["notes://1", "shared://x", "urn:isbn:1"], resourceTemplate: ["notes://{id}"] }),
    sourceOf(
      "files",
      { resource: ["file:///a", "shared://x"], resourceTemplate: ["file:///{+path}"] },
      { uris: "protocol" },
    ),
    sourceOf("web", { resource: ["https://h/listed"], resourceTemplate: ["https://h/docs/{page}", "{+url}"] }),
  )

  test.each([
    ["listed", "notes://notes/1", "notes", "notes://1"],
    ["listed, escaped", "x-mcp://notes/urn:isbn:1", "notes", "urn:isbn:1"],
    ["listed, protocol", "files+file:///a", "files", "file:///a"],
    ["made by a template", "notes://notes/7", "notes", "notes://7"],
    ["made by a template, protocol", "files+file:///x/y", "files", "file:///x/y"],
    ["shown by a result only", "other://notes/z", "notes", "other://z"],
    ["http, listed", "https://h/listed", "web", "https://h/listed"],
    ["http, by template", "https://h/docs/2", "web", "https://h/docs/2"],
    ["http, by the only template that makes it", "https://elsewhere/", "web", "https://elsewhere/"],
    ["made by a template without head", "x-mcp://web/ftp://h/p", "web", "ftp://h/p"],
    ["a bare URI that one server lists", "file:///a", "files", "file:///a"],
    ["a bare URI that one server's template makes", "notes://9", "notes", "notes://9"],
  ])("%s: %s", (_, uri, server, own) => expect(catalog.resolveUri(uri)).toEqual({ server, uri: own }))

  test.each(["shared://x", "nothing", "notes://nobody/x/y", "x-mcp://nobody/x", "mailto:x", ""])(
    "%s has no owner",
    (uri) => expect(catalog.resolveUri(uri)).toBeUndefined(),
  )

  test("references are exposed templates or URIs", () => {
    expect(catalog.resolveReference("notes://notes/{id}")).toEqual({ server: "notes", uri: "notes://{id}" })
    expect(catalog.resolveReference("x-mcp://web/{+url}")).toEqual({ server: "web", uri: "{+url}" })
    expect(catalog.resolveReference("notes://notes/1")).toEqual({ server: "notes", uri: "notes://1" })
    expect(catalog.resolveReference("nothing")).toBeUndefined()
    expect(catalog.resolve("resourceTemplate", "files+file:///{+path}")?.origin.server).toBe("files")
  })
})

test("the only server answers for every URI; with a second one http needs an owner", () => {
  const tools = sourceOf("tools", { tool: ["t"] })
  expect(compose(tools).resolveUri("https://h/x")).toEqual({ server: "tools", uri: "https://h/x" })
  expect(compose(tools, sourceOf("b", {})).resolveUri("https://h/x")).toBeUndefined()
  expect(compose(tools, sourceOf("b", {}, { prefix: "" })).resolveUri("https://h/x")?.server).toBe("b")
})

describe("servers without prefix", () => {
  const root = sourceOf("root", { resource: ["file:///r"], resourceTemplate: ["file:///{+p}"] }, { prefix: "" })
  const notes = sourceOf("notes", { resource: ["notes://1"] }, { resources: { exclude: ["notes://hidden"] } })

  test("take what nobody else claims", () => {
    const catalog = compose(root, notes)
    expect(catalog.resolveUri("file:///any")?.server).toBe("root")
    expect(catalog.resolveUri("other://x")?.server).toBe("root")
    expect(catalog.resolveUri("notes://notes/2")).toEqual({ server: "notes", uri: "notes://2" })
  })

  test("are not asked for what another server hides", () => {
    expect(compose(root, notes).resolveUri("notes://notes/hidden")).toBeUndefined()
  })

  test("without resources do not take a URI that another lists", () => {
    const tools = sourceOf("tools", { tool: ["t"] }, { prefix: "" })
    expect(compose(tools, notes).resolveUri("notes://1")).toEqual({ server: "notes", uri: "notes://1" })
    expect(compose(tools, notes).resolveUri("shown://1")).toEqual({ server: "tools", uri: "shown://1" })
  })

  test("two of them: the template tells, and nothing is guessed", () => {
    const other = sourceOf("other", { resourceTemplate: ["db://{t}"] }, { uris: "none" })
    const catalog = compose(root, other)
    expect(catalog.resolveUri("db://t")?.server).toBe("other")
    expect(catalog.resolveUri("file:///x")?.server).toBe("root")
    expect(catalog.resolveUri("zzz://x")).toBeUndefined()
  })
})

test("servers that share a prefix: the template tells", () => {
  const catalog = compose(
    sourceOf("one", { resourceTemplate: ["a://{x}"] }, { prefix: "p" }),
    sourceOf("two", { resourceTemplate: ["b://{x}"] }, { prefix: "p" }),
  )
  expect(catalog.resolveUri("a://p/1")?.server).toBe("one")
  expect(catalog.resolveUri("b://p/1")?.server).toBe("two")
  expect(catalog.resolveUri("c://p/1")).toBeUndefined()
})

holds(
  "expanding an exposed template reaches its owner with the original URI",
  fc.property(
    fc.constantFrom("path", "protocol", "none"),
    fc.constantFrom("notes://{a}", "file:///{+a}", "urn:x:{a}", "{+a}", "n://h{/a}{?b}", "https://h/{a}", "q{?b}"),
    fc.string({ unit: "grapheme", maxLength: 10 }),
    fc.string({ unit: "grapheme", maxLength: 10 }),
    (format, template, a, b) => {
      const catalog = compose(
        sourceOf("other", { resourceTemplate: ["other://{+x}"], resource: ["o://1"] }),
        sourceOf("owner", { resourceTemplate: [template] }, { uris: format as "path" }),
      )
      const [exposed] = catalog.list("resourceTemplate").filter(({ origin }) => origin.server === "owner")
      const own = new UriTemplate(template).expand({ a, b })
      expect(catalog.resolveUri(new UriTemplate(exposed?.key ?? "").expand({ a, b }))).toEqual({
        server: "owner",
        uri: own,
      })
    },
  ),
)
