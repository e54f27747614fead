/**
 * Many clients of both generations at once against one host with servers of both generations: in process, over stdio and
 * over HTTP. Every call carries a canary, is asked about it by a person's and a model's question, and must get back nothing
 * that belongs to another client: no question, answer, progress, log line or resource update.
 */
import { spawn } from "node:child_process"
import { closers, fixture, fixturePackage, httpProgram, type ManifestText, until, writeManifest } from "../e2e/rig.ts"
import type { Json } from "../e2e/testClient.ts"
import { startCanaryHttp } from "../fixtures/servers/canaryHttp.mjs"
import { type Findings, newFindings } from "./canaries.ts"
import { type CanaryClient, connectCanary } from "./client.ts"

export interface LoadOptions {
  readonly clients: number
  readonly calls: number
  /** Legacy clients that use the stdio servers: each has a process of its own for each. */
  readonly stdioClients?: number
  /** Calls of one client under way at once. */
  readonly lanes?: number
  readonly progress?: (done: number) => void
}

export interface Figures extends Findings {
  readonly clients: number
  calls: number
  /** Calls that came back with their own canary and their own answers. */
  good: number
  readonly seconds: number
}

const overStdio = ["stdioLegacy", "stdioModern"] as const
const others = ["httpLegacy", "httpModern", "localV1", "localV2"] as const

/** Runs it all; what it opens ends with `closeAll`. */
export async function runLoad(options: LoadOptions): Promise<Figures> {
  const { clients: amount, calls, stdioClients = 20, lanes = 2, progress } = options
  const url = await startHost()
  const findings = newFindings()
  const clients = await connectAll({ url, amount, stdioClients, findings })
  const figures: Figures = Object.assign(findings, { clients: amount, calls: 0, good: 0, seconds: 0 })
  const started = performance.now()
  const perClient = Math.ceil(calls / amount)
  const next = (): number => {
    if (figures.calls >= calls) return 0
    figures.calls += 1
    if (figures.calls % 1_000 === 0) progress?.(figures.calls)
    return figures.calls
  }
  const run = async ({ client, keys }: Connected): Promise<void> => {
    let call = 0
    const lane = async (): Promise<void> => {
      while (call < perClient && next() > 0) {
        call += 1
        const key = keys[call % keys.length] ?? ""
        if (await probe({ client, key, call, findings })) figures.good += 1
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
  }
  await Promise.all(clients.map(run))
  const seconds = (performance.now() - started) / 1_000
  for (const { client } of clients) client.close()
  return Object.assign(figures, { seconds })
}

interface Connected {
  readonly client: CanaryClient
  /** Servers it calls. */
  readonly keys: readonly string[]
}

async function probe({
  client,
  key,
  call,
  findings,
}: {
  client: CanaryClient
  key: string
  call: number
  findings: Findings
}) {
  const args: Json = { together: call % 3 === 0, ...(call % 4 < 2 && { uri: `canary://box/${boxOf(client.index)}` }) }
  try {
    const own = await client.probe(`${key}_probe`, call, args)
    if (!own) note(findings, "the result or an answer in it was not its own")
    return own
  } catch (error) {
    note(findings, `${key}: ${error instanceof Error ? error.message : error}`)
    return false
  }
}

function note({ failed }: Findings, reason: string): void {
  failed.set(reason, (failed.get(reason) ?? 0) + 1)
}

/** The resource of a client: a canary, of no call. */
function boxOf(index: number): string {
  return `canary-${index}-0`
}

async function connectAll({
  url,
  amount,
  stdioClients,
  findings,
}: {
  url: string
  amount: number
  stdioClients: number
  findings: Findings
}) {
  const connected: Connected[] = []
  for (let index = 0; index < amount; index += 1) {
    const era = index % 2 === 0 ? "legacy" : "modern"
    const keys = era === "modern" || index / 2 < stdioClients ? [...overStdio, ...others] : others
    const uris = keys.map((key) => `canary://${key}/box/${boxOf(index)}`)
    connected.push({ client: await connectCanary({ url, index, era, uris, findings }), keys })
  }
  return connected
}

async function startHost(): Promise<string> {
  const [legacy, modern] = await Promise.all([startCanaryHttp("legacy"), startCanaryHttp("modern")])
  for (const server of [legacy, modern]) closers.push(() => server.close())
  const servers: ManifestText["servers"] = {
    stdioLegacy: { mount: fixture("canary.mjs", {}, ["legacy"]) },
    stdioModern: { mount: fixture("canary.mjs", {}, ["modern"]) },
    httpLegacy: { mount: { url: legacy.url } },
    httpModern: { mount: { url: modern.url } },
    localV1: { mount: fixturePackage("canary-v1") },
    localV2: { mount: fixturePackage("canary-v2") },
  }
  const { command, args, env } = httpProgram(await writeManifest({ servers }))
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  closers.push(() => {
    child.kill("SIGTERM")
    return exited
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      if (output.length < 10_000) output += chunk.toString("utf8")
      if (process.env["RIG_LOG"] !== undefined) process.stderr.write(chunk)
    })
  }
  const url =
    (await until("the URL is printed", () => /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(output)?.[0], 60_000)) ?? ""
  const ready = async (): Promise<boolean> => {
    const { servers: states } = (await (await fetch(new URL("/readyz", url))).json()) as Json
    return Object.values(states as Json).every(({ state }) => state === "ready")
  }
  await until("all servers are ready", ready, 60_000)
  return url
}
