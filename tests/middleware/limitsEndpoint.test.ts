/** The middleware that sets limits, as clients of either generation meet it over HTTP. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { afterEach, describe, expect, it } from "vitest"
import { startHttpEndpoint } from "../../src/endpoints/http/httpEndpoint.ts"
import { LEGACY, MODERN } from "../fixtures/harness.ts"
import { closeAll, closers } from "./files.ts"
import { start, v2 } from "./support.ts"

afterEach(closeAll)

describe.each([
  ["legacy", LEGACY],
  ["modern", MODERN],
])("a %s client", (_era, options) => {
  it("is told what was cut, what took too long and when to come again", async () => {
    const { host, manifest } = await start(
      `endpoint: { http: { port: 0 } }
middleware:
  - errors
  - retry: { within: 5s }
  - circuitBreaker
  - sizeLimit: { result: 2KiB, mode: truncate }
  - rateLimit: { limit: 3, per: 1h }
  - concurrency
  - timeout: { tools: { "*_slow": 100ms } }
servers: { s: { mount: ${v2} } }`,
    )
    const endpoint = await startHttpEndpoint(host, manifest.endpoint)
    closers.push(() => {
      endpoint.hurry()
      return endpoint.close()
    })
    const client = new Client({ name: "limited", version: "1" }, options)
    closers.push(() => client.close())
    await client.connect(new StreamableHTTPClientTransport(new URL(endpoint.url)))
    const call = (name: string, args: Record<string, unknown>) => client.callTool({ name, arguments: args })
    expect(await call("s_echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
    const { content } = await call("s_echo", { text: "x".repeat(5_000) })
    expect(content).toMatchObject([{ text: /^x+$/ }, { text: /^\[\d+ bytes of text were left out/ }].map(matching))
    await expect(call("s_slow", { ms: 60_000 })).rejects.toMatchObject({
      code: -31002,
      data: { server: "s", sent: "maybe" },
    })
    await expect(call("s_echo", { text: "hi" })).rejects.toMatchObject({
      code: -31006,
      data: { server: "s", sent: "no", retryable: true, retryAfterMs: expect.any(Number) },
    })
  })
})

function matching({ text }: { readonly text: RegExp }) {
  return { type: "text", text: expect.stringMatching(text) as unknown as string }
}
