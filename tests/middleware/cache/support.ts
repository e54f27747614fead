/** Hosts with the middleware `cache` in front of a server that counts its answers. */
import type { JsonObject } from "../../../src/protocol/json.ts"
import { createMetrics } from "../metrics.ts"
import { createScripted, type Script, text, tool } from "../scriptedServer.ts"
import { start, type TestClient } from "../support.ts"

export const lists = {
  tools: [tool("get", true), tool("peek", true), tool("find"), tool("put", false)],
  resources: [{ uri: "test://a", name: "a" }],
  prompts: [{ name: "greet" }],
}

/** A host with one server that counts its answers, host-wide or around the server. */
export async function counting(
  options = "{}",
  { answer, where = "host", metrics = createMetrics() }: Partial<Options> = {},
) {
  const server = createScripted({ lists, answer: answer ?? (() => text(`answer ${server.seen.length}`)) })
  const chain = `middleware: [{ cache: ${options} }]`
  const manifest =
    where === "host" ? `${chain}\nservers: { s: { mount: ./s.mjs } }` : `servers: { s: { mount: ./s.mjs, ${chain} } }`
  const started = await start(manifest, { files: { "s.mjs": server.code }, metrics })
  return { ...started, server, metrics, one: started.client() }
}

export interface Options {
  readonly answer: Script["answer"]
  readonly where: "host" | "server"
  readonly metrics: ReturnType<typeof createMetrics>
}

export const textOf = (result: JsonObject): string => String((result["content"] as JsonObject[])[0]?.["text"])
export const principal = (id: string) => ({ principal: { id } })
export const get = (client: TestClient, args: JsonObject = {}, changes = {}): Promise<string> =>
  client.request("tools/call", { name: "s_get", arguments: args }, changes).then(textOf)
