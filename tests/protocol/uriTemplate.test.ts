import { UriTemplate } from "@modelcontextprotocol/client"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { compileTemplate } from "../../src/protocol/uriTemplate.ts"
import { holds } from "../composition/property.ts"
import { leastCpuMs } from "../fixtures/noise.ts"

describe("matches what the template makes", () => {
  test.each([
    ["notes://{id}", "notes://5"],
    ["notes://{id}", "notes://a%2Fb"],
    ["notes://{id}", "notes://"],
    ["notes://{a}/x/{b}", "notes://x/x/x"],
    ["notes://{a}{b}.md", "notes://read.me.md"],
    ["file:///{+path}", "file:///a/b/c?d#e"],
    ["{+a}/{b}", "x/y/z"],
    ["{+uri}", "https://example.com/?x=1#y"],
    ["x://a{#f}", "x://a#top/1"],
    ["x://a{#f}", "x://a"],
    ["x://a{.f}", "x://a.tar.gz"],
    ["x://a{/s*}", "x://a/b/c"],
    ["x://a{/s,t}", "x://a/b/c"],
    ["x://a{;p,q}", "x://a;p=1;q"],
    ["x://a{?p,q}", "x://a?q=2&p=1"],
    ["x://a{?p,q}", "x://a?q=2"],
    ["x://a{?p,q}", "x://a"],
    ["x://a{?p*}", "x://a?any=1&thing=2"],
    ["x://a?fixed=1{&p}", "x://a?fixed=1&p=2"],
    ["x://a{?p}{?q}", "x://a?p=1&q=2"],
    ["x://{a:3}/b", "x://foo/b"],
    ["x://{path*}", "x://a/b/c"],
    ["x://ä/{a}", "x://%C3%A4/1"],
    ["x://ä/{a}", "x://ä/1"],
    ["x://%20/{a}", "x://%20/1"],
    ["x://lit", "x://lit"],
    ["", ""],
    ["x://{user-id}", "x://5"],
  ])("%s makes %s", (template, uri) => expect(compileTemplate(template).matches(uri)).toBe(true))

  test.each([
    ["notes://{id}", "notes://a/b"],
    ["notes://{id}", "notes://a?b"],
    ["notes://{id}", "note://a"],
    ["notes://{id}/x", "notes://a/y"],
    ["x://a{?p}", "x://ab"],
    ["x://a{/s}", "x://a/b/c"],
    ["x://a{#f}", "x://ab"],
    ["x://lit", "x://lit2"],
    ["x://{a}/{a}", "x://b"],
    ["", "x"],
    ["x://{a}b{c}d", "x://bc"],
  ])("%s does not make %s", (template, uri) => expect(compileTemplate(template).matches(uri)).toBe(false))

  test.each(["x://{a", "x://a}", "x://{}", "x://{a{b}}", "x://{=a}", "x://{a,,b}", "{a b}"])(
    "%s is malformed and matches its own text only",
    (template) => {
      const compiled = compileTemplate(template)
      expect(compiled.matches(template)).toBe(true)
      expect(compiled.matches("x://a")).toBe(false)
    },
  )

  test("the head is the text before the first expression", () => {
    expect(compileTemplate("notes://a/{b}").head).toBe("notes://a/")
    expect(compileTemplate("{+b}").head).toBe("")
    expect(compileTemplate("lit").head).toBe("lit")
  })

  const parts = fc.array(
    fc.constantFrom(
      "{a}",
      "{+a}",
      "{#b}",
      "{.a}",
      "{/a*}",
      "{?a,b}",
      "{&b}",
      "{a*}",
      "{+b}",
      "/",
      "x",
      "://",
      "?k=v",
      "é",
    ),
    { maxLength: 8 },
  )
  const text = fc.string({ unit: "grapheme", maxLength: 10 })

  holds(
    "every expansion matches",
    fc.property(parts, fc.option(text, { nil: undefined }), text, (template, a, b) => {
      const variables = a === undefined ? { b } : { a, b }
      const uri = new UriTemplate(template.join("")).expand(variables)
      expect(compileTemplate(template.join("")).matches(uri)).toBe(true)
    }),
    3000,
  )
})

describe("costs little, whatever the template", () => {
  const long = "a/".repeat(5000)
  test.each([
    ["five adjacent {+x}", "{+a}{+b}{+c}{+d}{+e}!", "a".repeat(200)],
    ["a long URI", "x://{+a}/{+b}/{+c}/{+d}/{+e}!", `x://${long}`],
    ["many parts", `${"{+a}a".repeat(49)}!`, long],
    ["many leads", `${"{/a*}{?b}".repeat(49)}!`, long],
    ["a long literal", `{+a}${"a".repeat(5000)}b`, "a".repeat(10_000)],
    ["too many parts", "{a}b".repeat(5000), long],
    ["many stops", `${"{a}a".repeat(49)}!`, "a".repeat(10_000)],
    ["open braces", "{".repeat(10_000), long],
  ])("%s", async (_, template, uri) => {
    // Generous: backtracking takes many seconds.
    const least = await leastCpuMs(1_000, () => expect(compileTemplate(template).matches(uri)).toBe(false))
    expect(least).toBeLessThan(1_000)
  })
})
