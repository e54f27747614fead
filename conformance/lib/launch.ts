/** Starts the conformance server and the built host in front of it, both on ports that the system chooses. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { type Started, sleep, start } from "../../bench/lib/processes.ts"

const project = path.resolve(import.meta.dirname, "../..")
const longestStartMs = 60_000

export const hostEntry = path.join(project, "dist/cli/main.js")

export type Eras = "legacy" | "modern"

/** Over which the host reaches the conformance server. */
export type UpstreamTransport = "http" | "stdio"

export interface Running {
  readonly url: string
  stop(): Promise<void>
}

export async function startServer(eras: Eras): Promise<Running> {
  const [file, ...args] = serverCommand(eras)
  const server = start(file, args, { cwd: project })
  return { url: await urlIn(server, /^(http:\S+)$/m), stop: () => server.stop() }
}

/** The host with its one server under its own names. */
export async function startHost(eras: Eras, transport: UpstreamTransport): Promise<Running> {
  const upstream = transport === "http" ? await startServer(eras) : undefined
  const [command, ...args] = serverCommand(eras)
  const folder = mkdtempSync(path.join(os.tmpdir(), "conformance-host-"))
  const file = writeManifest(folder, upstream ? { url: upstream.url } : { command, args: [...args, "--stdio"] })
  const host = start(process.execPath, [hostEntry, "run", file, "--port", "0", "--no-watch"])
  return {
    url: await urlIn(host, / is at (http:\S+)/),
    async stop() {
      await host.stop()
      await upstream?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The suite knows its servers' names, so nothing is put before them. */
export function writeManifest(folder: string, mount: object): string {
  const file = path.join(folder, "mcp-host.yaml")
  writeFileSync(
    file,
    JSON.stringify({ host: { name: "host" }, servers: { server: { mount, prefix: "", uris: "none" } } }),
  )
  return file
}

function serverCommand(eras: Eras): readonly [string, ...string[]] {
  const entry = path.join(project, "conformance/server/main.ts")
  return [process.execPath, "--import", import.meta.resolve("tsx"), entry, "--eras", eras]
}

async function urlIn(started: Started, pattern: RegExp): Promise<string> {
  const end = Date.now() + longestStartMs
  for (;;) {
    const found = pattern.exec(started.output())?.[1]
    if (found !== undefined) return found
    if (started.exited() || Date.now() > end) throw new Error(`It did not start: ${started.output()}`)
    await sleep(20)
  }
}
