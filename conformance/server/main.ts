/**
 * tsx conformance/server/main.ts [--eras legacy|modern|both] [--port N | --stdio]
 *
 * Over HTTP its first line of output is its URL. It ends with the process that started it.
 */
import { parseArgs } from "node:util"
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio"
import { createChanges } from "./changes.ts"
import { createConformanceServer } from "./createConformanceServer.ts"
import { type Eras, serveHttp } from "./serveHttp.ts"

const { values: flags } = parseArgs({
  options: {
    eras: { type: "string", default: "both" },
    port: { type: "string", default: "0" },
    stdio: { type: "boolean", default: false },
  },
})

function erasOf(given: string): Eras {
  if (given === "legacy" || given === "modern" || given === "both") return given
  throw new Error(`--eras is legacy, modern or both, given ${given}`)
}

async function serveOnStdio(eras: Eras): Promise<void> {
  const changes = createChanges()
  if (eras === "legacy") return createConformanceServer(changes).connect(new StdioServerTransport())
  serveStdio(() => createConformanceServer(changes), { legacy: eras === "modern" ? "reject" : "serve" })
}

const eras = erasOf(flags.eras)
if (flags.stdio) await serveOnStdio(eras)
else {
  process.stdout.write(`${await serveHttp(eras, createChanges(), Number(flags.port))}\n`)
  const parent = process.ppid
  setInterval(() => process.ppid === parent || process.exit(0), 500).unref()
}
