/**
 * tsx conformance/client/main.ts URL — the client that the suite's client scenarios run: an SDK client of the host, which
 * has the scenario's server as its only one. The host is the client under test.
 *
 * The suite says in the environment what is to be done: MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_PROTOCOL_VERSION and,
 * for some scenarios, MCP_CONFORMANCE_CONTEXT.
 */
import { mkdtempSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { Client, type ClientOptions } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { hostEntry, writeManifest } from "../lib/launch.ts"
import { scenarios } from "./scenarios.ts"

const modern = "2026-07-28"

const url = process.argv[2]
const name = process.env["MCP_CONFORMANCE_SCENARIO"] ?? ""
const play = scenarios[name]
if (url === undefined || play === undefined) throw new Error(`Nothing to do for scenario "${name}" at ${url}`)

// The suite ends the shell around a client that takes too long, not the client.
const parent = process.ppid
setInterval(() => process.ppid === parent || process.exit(1), 500).unref()

const folder = mkdtempSync(path.join(os.tmpdir(), "conformance-client-"))
const client = createClient()
try {
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [hostEntry, "run", writeManifest(folder, { url }), "--stdio", "--no-watch"],
    }),
  )
  await play(client, JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}"))
} finally {
  await client.close()
  rmSync(folder, { recursive: true, force: true })
}

function createClient(): Client {
  const options: ClientOptions = {
    capabilities: { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} },
    ...(process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"] === modern && {
      versionNegotiation: { mode: { pin: modern } },
    }),
  }
  const created = new Client({ name: "conformance-client", version: "1.0.0" }, options)
  created.setRequestHandler("elicitation/create", async () => ({ action: "accept", content: {} }))
  created.setRequestHandler("roots/list", async () => ({ roots: [] }))
  created.setRequestHandler("sampling/createMessage", async () => ({
    model: "none",
    role: "assistant",
    content: { type: "text", text: "Nothing." },
  }))
  return created
}
