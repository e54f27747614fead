/** Middleware as clients of either generation meet it, over HTTP: what the handshake says, calls, and what is refused. */

import { readFile } from "node:fs/promises"
import path from "node:path"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { afterEach, describe, expect, it } from "vitest"
import { startHttpEndpoint } from "../../src/endpoints/http/httpEndpoint.ts"
import { openSession, toolCall } from "../endpoints/support.ts"
import { LEGACY, MODERN } from "../fixtures/harness.ts"
import { closeAll, closers } from "./files.ts"
import { start, v2 } from "./support.ts"

afterEach(closeAll)

const define = path.resolve(import.meta.dirname, "../../src/middleware/define.ts")
const errors = path.resolve(import.meta.dirname, "../../src/protocol/errors.ts")

const doorman = `
import { defineMiddleware } from ${JSON.stringify(define)}
import { ProtocolError } from ${JSON.stringify(errors)}
export default defineMiddleware({ name: "doorman", create: () => ({
  async initialize(request, context, next) {
    if (context.client.info?.name === "stranger") throw new ProtocolError(-32050, "who are you?")
    const { value } = await next(request, context)
    return { value: { ...value, instructions: "Welcome. " + value.instructions } }
  },
  async callTool(request, context, next) {
    const result = await next(request, context)
    return { value: { ...result.value, _meta: { ...result.value._meta, seen: request.params.name } } }
  },
}) })`

describe.each([
  ["legacy", LEGACY],
  ["modern", MODERN],
])("a %s client", (_era, options) => {
  const connect = async (url: string, name: string): Promise<Client> => {
    const client = new Client({ name, version: "1" }, options)
    closers.push(() => client.close())
    await client.connect(new StreamableHTTPClientTransport(new URL(url)))
    return client
  }

  it("is told what the hooks make of the handshake, and calls through them", async () => {
    const { host, manifest } = await start(
      `endpoint: { http: { port: 0 } }\nmiddleware: [errors, timing, { use: ./door.ts }]\nservers: { s: { mount: ${v2} } }`,
      { files: { "door.ts": doorman } },
    )
    const endpoint = await startHttpEndpoint(host, manifest.endpoint)
    closers.push(() => {
      endpoint.hurry()
      return endpoint.close()
    })
    const client = await connect(endpoint.url, "friend")
    expect(client.getInstructions()).toMatch(/^Welcome\. /)
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toContain("s_echo")
    expect(await client.callTool({ name: "s_echo", arguments: { text: "hi" } })).toMatchObject({
      content: [{ text: "hi" }],
      _meta: { seen: "s_echo", "x-meta": { kept: true } },
    })
    await expect(connect(endpoint.url, "stranger")).rejects.toThrow(/who are you\?|Version negotiation failed/)
  })
})

const busyOnce = `
import { defineMiddleware } from ${JSON.stringify(define)}
import { upstreamError } from ${JSON.stringify(errors)}
let calls = 0
export default defineMiddleware({ name: "busy-once", create: () => ({
  async callTool(request, context, next) {
    calls += 1
    if (calls === 1) throw upstreamError("BUSY", { reason: "not yet", sent: "no", retryable: true })
    return next(request, context)
  },
}) })`

it("nothing that is written holds the id of a session, in which whoever knows it can act", async () => {
  const { host, manifest, log, directory } = await start(
    `endpoint: { http: { port: 0 } }
middleware: [errors, { timing: { level: debug } }, logging, { audit: { file: ./audit.jsonl } }, retry, { use: ./busy.ts }]
servers: { s: { mount: ${v2} } }`,
    { files: { "busy.ts": busyOnce } },
  )
  const endpoint = await startHttpEndpoint(host, manifest.endpoint)
  closers.push(() => {
    endpoint.hurry()
    return endpoint.close()
  })
  const session = await openSession(endpoint.url)
  await session.send(toolCall(1, "s_echo", { text: "hi" }))
  const audit = await readFile(path.join(directory, "audit.jsonl"), "utf8")
  const texts = [...log.map((entry) => JSON.stringify(entry)), ...audit.split("\n")]
  const about = texts.filter((text) => text.includes(session.id.slice(0, 8)))
  expect(about.filter((text) => text.includes(session.id))).toEqual([])
  for (const word of ["took", "s_echo: ok", "sent again", '"hash"'])
    expect(about.filter((text) => text.includes(word))).not.toEqual([])
})
