/**
 * The hosts of the crossing matrix: the built program, once behind HTTP and once for each client on standard streams,
 * all with the same servers of both generations over both transports. `startCells` gives a cell for each combination.
 */
import { spawn } from "node:child_process"
import { createLegacyServer, createLegacyTaskServer } from "../../fixtures/servers/crossingLegacy.mjs"
import {
  createCrossingV2Server,
  createTaskHandler,
  TASK_CAPABILITIES,
  TASK_TOOLS,
} from "../../fixtures/servers/crossingModern.mjs"
import { startHttpFixture } from "../../fixtures/servers/http.mjs"
import { startModernServer } from "../../fixtures/servers/modern.mjs"
import { connectRaw, overHttp, overStdio } from "../rawClient.ts"
import {
  closers,
  connectHttp,
  connectStdio,
  fixture,
  httpProgram,
  type ManifestText,
  stdioProgram,
  type TransportKind,
  until,
  writeManifest,
} from "../rig.ts"
import { type Asked, defaultAnswer, type Json } from "../testClient.ts"
import { type Cell, type Crossing, type Era, eras } from "./cell.ts"

export const transports: readonly TransportKind[] = ["stdio", "HTTP"]

const host = { name: "crossings", title: "The crossings" }
const capabilities: Json = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {} },
  roots: { listChanged: true },
}
const withTasks: Readonly<Record<Era, Json>> = {
  legacy: { ...capabilities, tasks: { list: {}, cancel: {} } },
  modern: { ...capabilities, extensions: { "io.modelcontextprotocol/tasks": {} } },
}

/** The key of a server: `legacy` over `stdio` is `ls`. */
export function keyOf(era: Era, transport: TransportKind): string {
  return `${era.charAt(0)}${transport.charAt(0).toLowerCase()}`
}

/** Starts everything; what it opens ends with `closeAll`. */
export async function startCells(): Promise<readonly Cell[]> {
  const servers = await startServers()
  const url = await startHttpHost(servers)
  const sides = await Promise.all(
    eras.flatMap((era) => transports.map((transport) => startSide({ era, transport, url, servers }))),
  )
  return sides.flatMap((side) =>
    eras.flatMap((server) =>
      transports.map((serverTransport) => ({
        ...side,
        server,
        serverTransport,
        crossing: `${side.client}→${server}` as Crossing,
        key: keyOf(server, serverTransport),
      })),
    ),
  )
}

async function startServers(): Promise<ManifestText["servers"]> {
  const tasks = createTaskHandler()
  const modernTasks = { capabilities: TASK_CAPABILITIES, lists: { "tools/list": TASK_TOOLS }, handle: tasks }
  const [lh, lht, mh, mht] = await Promise.all([
    startHttpFixture("v1", { name: "lh", create: createLegacyServer }),
    startHttpFixture("v1", { name: "lht", create: createLegacyTaskServer }),
    startHttpFixture("v2-modern-only", { name: "mh", create: createCrossingV2Server }),
    startModernServer({ name: "mht", ...modernTasks }),
  ])
  for (const server of [lh, lht, mh, mht]) closers.push(() => server.close())
  const stdio = (name: string, kind: string) => ({ mount: fixture("crossing.mjs", { FIXTURE_NAME: name }, [kind]) })
  return {
    ls: stdio("ls", "legacy"),
    lst: stdio("lst", "legacy-tasks"),
    ms: stdio("ms", "modern"),
    mst: stdio("mst", "modern-tasks"),
    lh: { mount: { url: lh.url } },
    lht: { mount: { url: lht.url } },
    mh: { mount: { url: mh.url } },
    mht: { mount: { url: mht.url } },
  }
}

async function startHttpHost(servers: ManifestText["servers"]): Promise<string> {
  const { command, args, env } = httpProgram(await writeManifest({ host, servers }))
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  closers.push(() => {
    child.kill("SIGTERM")
    return exited
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8")
      if (process.env["RIG_LOG"] !== undefined) process.stderr.write(chunk)
    })
  }
  const url = await until("the URL is printed", () => /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(output)?.[0], 60_000)
  const allReady = async (): Promise<boolean> => {
    const { servers: states } = (await (await fetch(new URL("/readyz", url))).json()) as Json
    return Object.values(states as Json).every(({ state }) => state === "ready")
  }
  await until("all servers are ready", allReady, 60_000)
  return url ?? ""
}

interface SideOptions {
  readonly era: Era
  readonly transport: TransportKind
  readonly url: string
  readonly servers: ManifestText["servers"]
}

type Side = Pick<Cell, "client" | "clientTransport" | "sdk" | "raw" | "answerWith">

/** The two clients of one generation over one transport. */
async function startSide({ era, transport, url, servers }: SideOptions): Promise<Side> {
  let answering: (question: Asked) => Json = defaultAnswer
  const answer = (question: Asked): Json => answering(question)
  const kind = era === "modern" ? "v2 modern" : "v2 legacy"
  const manifest = { host, servers }
  const carrier = async () =>
    transport === "stdio" ? overStdio(stdioProgram(await writeManifest(manifest))) : overHttp(url)
  const [sdk, raw] = await Promise.all([
    transport === "stdio"
      ? connectStdio(manifest, kind, { capabilities, answer })
      : connectHttp(url, kind, { capabilities, answer }),
    connectRaw(await carrier(), { era, capabilities: withTasks[era], answer }),
  ])
  await Promise.all([sdk.list("tools/list", "tools"), raw.request("tools/list")])
  return {
    client: era,
    clientTransport: transport,
    sdk,
    raw,
    answerWith: (next) => {
      answering = next
    },
  }
}
