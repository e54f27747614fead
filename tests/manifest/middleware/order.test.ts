/** Warnings about orders of middleware in which one of them cannot do what it says. */
import { describe, expect, it } from "vitest"
import { orderWarnings } from "../../../src/manifest/middleware/order.ts"
import { load } from "../support.ts"

const place = { file: "m", line: 1, column: 1 }
const messages = (names: readonly string[]): string[] =>
  orderWarnings(names, ["middleware"], () => place).map(({ message }) => message)

describe("orders", () => {
  it.each([
    [["timing", "errors"], /"errors" \(middleware\[1\]\) is not outermost.*errors of "timing" \(middleware\[0\]\)/],
    [["cache", "auth"], /"cache" \(middleware\[0\]\) is outside of "auth" \(middleware\[1\]\).*without auth/],
    [["cache", "rateLimit"], /not counted by rateLimit/],
    [
      ["errors", "cache", "timing"],
      /"cache" \(middleware\[1\]\) is outside of "timing" \(middleware\[2\]\).*not measured/,
    ],
    [["cache", "logging"], /not in what logging writes/],
    [["cache", "audit"], /not in what audit writes/],
    [["cache", "validate"], /pass by validate/],
    [["cache", "redact"], /pass by redact/],
    [["cache", "use"], /pass by use/],
    [["circuitBreaker", "retry"], /goes on calling a server that is down/],
    [["timeout", "retry"], /retry has none left for another/],
    [["timeout", "circuitBreaker"], /cancelled, not failed, for circuitBreaker/],
    [["retry", "rateLimit"], /every attempt is counted by rateLimit/],
    [["retry", "audit"], /writes every attempt/],
    [["redact", "sizeLimit"], /a secret that sizeLimit cuts/],
    [["timing", "timing"], /"timing" \(middleware\[1\]\) is in the list already, as "timing" \(middleware\[0\]\)/],
    [["errors", "errors"], /"errors" \(middleware\[1\]\) is not outermost/],
  ])("%j is warned of", (names, expected) => {
    const found = messages(names)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(expected)
    // The other way round it is well, but for what is outermost or there twice.
    if (names[0] !== names[1] && names.length === 2) expect(messages(names.toReversed())).toEqual([])
  })

  it("of the documentation, and of names that there are not, are well", () => {
    const outer = ["errors", "timing", "logging", "auth", "audit", "rateLimit", "validate", "sizeLimit", "redact"]
    const inner = ["sanitize", "use", "cache", "concurrency", "retry", "circuitBreaker", "timeout"]
    expect(messages([...outer, ...inner])).toEqual([])
    expect(messages([])).toEqual([])
    expect(
      messages(["new", "newer", "rateLimit", "rateLimit", "use", "use", "toolInjection", "toolInjection"]),
    ).toEqual([])
  })

  it("are told once for each middleware", () => {
    expect(messages(["cache", "retry", "audit"])).toHaveLength(1)
  })
})

describe("in a manifest", () => {
  it("come with the line and column of the item, of every list, those of manifests inside included", async () => {
    const { warnings } = await load(
      `middleware: [timing, errors]
servers:
  one:
    mount: ./servers/notes
    middleware:
      - errors: { mask: all }
      - timing
      - timing: { slow: 1s }
  team: { mount: { manifest: ./team.yaml } }
`,
      { files: { "team.yaml": "middleware:\n  - use: ./m.ts\n  - errors\nservers: {}", "m.ts": "" } },
    )
    expect(
      warnings.map(({ code, place: { file, line, column }, message }) => [
        ...[code, file.split("/").at(-1), line, column],
        message.replace(/^.*?(is \w+).*$/, "$1"),
      ]),
    ).toEqual([
      ["MIDDLEWARE_ORDER", "mcp-host.yaml", 1, 22, "is not"],
      ["MIDDLEWARE_ORDER", "mcp-host.yaml", 8, 9, "is in"],
      ["MIDDLEWARE_ORDER", "team.yaml", 3, 5, "is not"],
    ])
    expect(warnings[1]?.message).toContain("servers.one.middleware[2]")
    expect(warnings.every(({ help }) => help.includes("outermost"))).toBe(true)
  })
})
