/** Connects a client to a shell server in memory. */
import { type CallToolResult, Client, InMemoryTransport } from "@modelcontextprotocol/client"
import createShellServer from "../../servers/shell/src/index.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { createTestContext, type TestContext } from "./context.ts"

const NODE = process.execPath
/** What the test that runs has opened; closed last first. */
export const closers: Array<() => Promise<unknown>> = []

export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

export interface Connected {
  readonly client: Client
  readonly test: TestContext
  call(name: string, args?: Record<string, unknown>): Promise<CallToolResult>
}

export async function connect(config: JsonObject, env: Record<string, string> = {}): Promise<Connected> {
  const test = await createTestContext(config, env)
  closers.push(test.close)
  const server = createShellServer(test.context)
  const client = new Client({ name: "test", version: "1.0.0" })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await server.connect(far)
  await client.connect(near)
  closers.push(() => client.close())
  return { client, test, call: (name, args = {}) => client.callTool({ name, arguments: args }) }
}

/** A command that runs a line of JavaScript; `args` are visible to it as `process.argv.slice(1)`. */
export function script(code: string, more: JsonObject = {}): JsonObject {
  const { args = [], ...rest } = more
  return { run: NODE, description: "A script", args: ["-e", code, "--", ...(args as string[])], ...rest }
}

export const SHOW_ARGV = "console.log(JSON.stringify(process.argv.slice(1)))"

export function textOf(result: CallToolResult): string {
  return result.content.map((block) => (block.type === "text" ? block.text : "")).join("\n")
}

export function outputOf(result: CallToolResult): Record<string, unknown> {
  return result.structuredContent as Record<string, unknown>
}
