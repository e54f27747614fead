/** The servers behind the targets: the suite's own echo server in the forms that a host can compose. */
import path from "node:path"
import type { Era } from "./load.ts"
import { freePort, type Started, sleep, start } from "./processes.ts"

export interface UpstreamSpec {
  readonly key: string
  readonly kind: "stdio" | "http" | "package" | "package-low" | "silent"
  /** How many tools it lists; two if nothing is said. */
  readonly tools?: number
  /** How an HTTP upstream answers: JSON unless said, or an event stream with nothing but the result in it. */
  readonly answer?: "json" | "sse"
  /** The one generation the host may speak to it; both unless said. */
  readonly era?: Era
}

/** An upstream with what a target needs to reach it. */
export interface Upstream extends UpstreamSpec {
  readonly command?: readonly string[]
  readonly url?: string
  readonly folder?: string
}

const servers = path.resolve(import.meta.dirname, "../servers")

/** Starts what has to run by itself; the rest is started by the targets. */
export async function openUpstreams(
  specs: readonly UpstreamSpec[],
): Promise<{ readonly upstreams: readonly Upstream[]; stop(): Promise<void> }> {
  const started: Started[] = []
  const upstreams = await Promise.all(specs.map((spec) => open(spec, started)))
  return {
    upstreams,
    async stop() {
      await Promise.all(started.map((each) => each.stop()))
    },
  }
}

/** What the echo servers take on their command line. */
export function upstreamOptions(upstream: UpstreamSpec | undefined): string[] {
  const { key = "echo", tools = 2, answer = "json" } = upstream ?? {}
  return ["--name", key, "--tools", String(tools), "--answer", answer]
}

export function stdioCommand(spec: UpstreamSpec): readonly string[] {
  return [process.execPath, path.join(servers, "stdio.mjs"), ...upstreamOptions(spec)]
}

async function open(spec: UpstreamSpec, started: Started[]): Promise<Upstream> {
  if (spec.kind === "stdio") return { ...spec, command: stdioCommand(spec) }
  if (spec.kind === "silent") return { ...spec, command: [process.execPath, path.join(servers, "silent.mjs")] }
  if (spec.kind !== "http") return { ...spec, folder: path.join(servers, spec.kind) }
  const port = await freePort()
  const args = [path.join(servers, "http.mjs"), "--port", String(port), ...upstreamOptions(spec)]
  const server = start(process.execPath, args)
  started.push(server)
  while (!server.output().includes(String(port))) {
    if (server.exited()) throw new Error(`the echo server ended: ${server.output()}`)
    await sleep(10)
  }
  return { ...spec, url: `http://127.0.0.1:${port}/mcp` }
}
