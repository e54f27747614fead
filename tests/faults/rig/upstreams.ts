/** Fault servers as a manifest mounts them, and the processes that serve those behind URLs. */
import { once } from "node:events"
import path from "node:path"
import { type Started, start } from "../../../bench/lib/processes.ts"
import { closers, until } from "../../e2e/rig.ts"

const servers = path.resolve(import.meta.dirname, "../servers")

/** `http` answers as JSON, `events` as event streams; `sse` is the transport of revision 2024-11-05. */
export const transports = ["stdio", "http", "events", "sse"] as const
export type Transport = (typeof transports)[number]

export interface FaultServer {
  readonly name: string
  /** A row of the fault model; none: a healthy server. */
  readonly fault?: string
  readonly era?: "legacy" | "modern"
  readonly nodeArgs?: readonly string[]
}

/** The `mount` of a fault server over stdio. */
export function stdioMount(server: FaultServer, log: string): Record<string, unknown> {
  const { name, fault = "", era = "legacy", nodeArgs = [] } = server
  const args = [
    ...nodeArgs,
    path.join(servers, "stdio.mjs"),
    "--name",
    name,
    "--fault",
    fault,
    "--era",
    era,
    "--log",
    log,
  ]
  return { command: process.execPath, args }
}

export interface Web {
  readonly pid: number
  readonly port: number
  /** The `mount` of a fault server behind a URL of this process. */
  mount(transport: Exclude<Transport, "stdio">, server: FaultServer): Record<string, unknown>
  started: Started
}

/** A process that serves any number of fault servers over HTTP. */
export async function startWeb(log: string, wanted = 0): Promise<Web> {
  const started = start(process.execPath, [path.join(servers, "web.mjs"), "--log", log, "--port", String(wanted)])
  closers.push(() => started.stop())
  const port = Number(
    await until("the fault server listens", () => {
      if (started.exited()) throw new Error(`the fault server ended: ${started.output()}`)
      return /^\d+$/m.exec(started.output())?.[0]
    }),
  )
  return {
    pid: started.pid,
    port,
    started,
    mount(transport, { name, fault = "", era = "legacy" }) {
      const query = new URLSearchParams({ fault, era, ...(transport === "events" && { events: "1" }) })
      const kind = transport === "sse" ? "sse" : "http"
      return { url: `http://127.0.0.1:${port}/${kind}/${name}?${query}`, transport: kind }
    },
  }
}

export async function killed({ child }: Started): Promise<void> {
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}
