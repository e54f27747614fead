/** What a package in this process may be asked to read: nothing that makes its server try every way to cut a URI. */
import { UriTemplate } from "@modelcontextprotocol/sdk/shared/uriTemplate.js"
import { afterEach, describe, expect, it } from "vitest"
import { refuseUri } from "../../src/upstreams/readableUri.ts"
import { closeAll } from "../fixtures/harness.ts"
import { leastCpuMs } from "../fixtures/noise.ts"
import { createContext } from "../wire/support.ts"
import { create, entryOf, packageTarget, ready } from "./support.ts"

afterEach(closeAll)

const read = (uri: string) => ({ method: "resources/read", params: { uri } })
const refusal = (uri: string, ...templates: string[]) =>
  refuseUri(read(uri), () => templates.map((uriTemplate) => ({ uriTemplate, name: "t" })))
const uriOf = (length: number): string => `x://${"a".repeat(length - 4)}`

/** The longest URI that is passed on. */
function longest(...templates: string[]): number {
  let [passes, fails] = [0, 20_000]
  while (fails - passes > 1) {
    const middle = Math.floor((passes + fails) / 2)
    if (refusal(uriOf(middle), ...templates) === undefined) passes = middle
    else fails = middle
  }
  return passes
}

describe("the longest URI of a read", () => {
  it.each([
    [8_192, []],
    [8_192, ["x://{+path}"]],
    [8_192, ["repo://{owner}/{repo}/contents{/path*}{?ref,page}"]],
    [8_192, ["x://{a,b}/{c}", "y://{name}.md"]],
    [8_192, ["x://{+a}/{+b}"]],
    [843, ["x://{+a}{+b}{+c}"]],
    [843, ["x://{a}{b}-{c}!"]],
    [103, ["x://{name}", "x://{+a}{+b}{+c}{+d}{+e}"]],
  ])("is %i for %j", (length, templates) => {
    expect(longest(...templates)).toBe(length)
  })

  it("keeps a template of the SDK's servers from trying for long", async () => {
    for (const template of ["x://{+a}{+b}!", "x://{+a}{+b}{+c}!", "x://{+a}{+b}{+c}{+d}{+e}!", "x://{a}{b}{c}{d}!"]) {
      const uri = uriOf(longest(template))
      // Seconds to hours without the bound.
      const matches = () => expect(new UriTemplate(template).match(uri)).toBeNull()
      expect(await leastCpuMs(3_000, matches), template).toBeLessThan(3_000)
    }
  })
})

it("a package is not asked to read a longer one, and reads on", async () => {
  const { upstream } = create(entryOf(packageTarget("v1-mcp")))
  await ready(upstream)
  await expect(upstream.handle(read(`test://items/${"x".repeat(8_192)}`), createContext())).rejects.toMatchObject({
    code: -32602,
    message: expect.stringMatching(/^The URI has 8205 characters; at most 8192 can be read/),
  })
  expect(await upstream.handle(read("test://items/7"), createContext())).toHaveProperty("value.contents")
})
