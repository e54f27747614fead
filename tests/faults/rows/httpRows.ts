/** Rows that exist over HTTP only: statuses, resets, cut streams, networks that are not there. */
import { execFileSync, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createServer as createTls } from "node:https"
import { type AddressInfo, connect, type Socket } from "node:net"
import path from "node:path"
import { closers, until } from "../../e2e/rig.ts"
import { must, mustFail, mustSucceed, said } from "../rig/finding.ts"
import { secret } from "../servers/faults.mjs"
import { type Cell, type Row, recovered } from "./row.ts"

const overHttp = ["http", "events"] as const

async function refusedFor(cell: Cell, name: "AUTH" | "PROTOCOL"): Promise<string> {
  const outcome = await cell.client.call(`${cell.key}_fault`)
  mustFail(outcome, name, { server: cell.key })
  must(!JSON.stringify(outcome.error).includes(secret), "a secret of the manifest is in the error")
  await recovered(cell)
  return said(outcome)
}

/** Given up in time, for want of a connection. */
async function neverConnects({ key, client, state, run }: Cell, withinMs: number): Promise<string> {
  const began = performance.now()
  const seen = await until(
    "it is given up",
    async () => {
      const now = await state()
      return now.state === "starting" ? undefined : now
    },
    60_000,
  )
  const outcome = await client.call(`${key}_work`)
  mustFail(outcome, "UNAVAILABLE", { sent: "no", server: key })
  must(performance.now() - began < run.within(withinMs), `given up after ${Math.round(performance.now() - began)} ms`)
  return `${seen?.state}: ${seen?.reason?.slice(0, 70)}`
}

export const httpRows: readonly Row[] = [
  {
    id: "F24",
    fault: "401 in the middle of a session",
    required: "-31005 for that call (a shared refresh belongs to OAuth, a later issue)",
    on: overHttp,
    check: (cell) => refusedFor(cell, "AUTH"),
  },
  {
    id: "F25",
    fault: "403 for want of a scope",
    required: "one step-up at most",
    later: "OAuth towards servers: a later issue",
  },
  {
    id: "F26",
    fault: "404: the session is forgotten",
    required: "a new session, the call sent once more: the client sees its result",
    on: overHttp,
    async check({ client, key, log }) {
      const outcome = await client.call(`${key}_fault`)
      // The second time the fault's tool is a hang-free one: it answers like `work`.
      must(outcome.result !== undefined, `wanted a result, got ${said(outcome)}`)
      const times = log.of(key, "executed").filter(({ call }) => call === outcome.call).length
      must(times === 1, `executed ${times} times`)
      return `${said(outcome)}, executed once`
    },
  },
  {
    id: "F27",
    fault: "429 and 503 with `Retry-After`",
    required: "seconds and dates are waited for within the deadline; else -31006, retryable",
    on: overHttp,
    entry: { timeouts: { call: "20s" } },
    async check({ client, key, log }) {
      const ask = (status: number, after?: string) =>
        client.call(`${key}_fault`, { args: { status, ...(after !== undefined && { after }) } })
      const [seconds, date, junk, long, none] = await Promise.all([
        ask(503, "1"),
        ask(429, "date"),
        ask(503, "soon"),
        ask(429, "3600"),
        ask(503),
      ])
      for (const outcome of [seconds, date]) {
        must(outcome.result !== undefined, `wanted a result, got ${said(outcome)}`)
        const of = (what: string) => log.of(key, what).find(({ call }) => call === outcome.call)?.at ?? Number.NaN
        // Dates are of whole seconds.
        const earliest = outcome === date ? Math.floor(of("refused") / 1_000) * 1_000 + 2_000 : of("refused") + 990
        must(of("executed") >= earliest - 10, `came again after ${of("executed") - of("refused")} ms`)
      }
      for (const outcome of [junk, long, none]) {
        if (outcome === none && outcome.error?.["code"] !== -31006) continue
        mustFail(outcome, "BUSY", { sent: "no", server: key })
        must(outcome.error?.["data"].retryable === true, "not retryable")
      }
      return `seconds: ${said(seconds)}; date: ${said(date)}; junk: ${said(junk)}; an hour: ${said(long)}`
    },
  },
  {
    id: "F28",
    fault: "The connection is reset before the answer",
    required: "reads are sent again; calls end with -31001 `sent: maybe` and are not",
    on: overHttp,
    async check({ client, key, log }) {
      const outcome = await client.call(`${key}_fault`)
      mustFail(outcome, "UNAVAILABLE", { sent: "maybe", server: key })
      const times = log.of(key, "executed").filter(({ call }) => call === outcome.call).length
      must(times === 1, `the call was executed ${times} times`)
      const read = await client.read(key)
      must(read.result !== undefined, `the read: ${said(read)}`)
      return `call: ${said(outcome)}; read: ${said(read)}`
    },
  },
  {
    id: "F29",
    fault: "The event stream is cut in a call (2025-11-25)",
    required: "resumed with `Last-Event-ID` where the server gave one; else -31001 `sent: maybe`",
    on: ["events"],
    async check({ client, key, log }) {
      const cut = await client.call(`${key}_fault`)
      mustFail(cut, "UNAVAILABLE", { sent: "maybe", server: key })
      const resumed = await client.call(`${key}_fault`, { args: { resumable: true } })
      must(resumed.result !== undefined, `with an event id: ${said(resumed)}`)
      mustSucceed(resumed)
      must(log.of(key, "resumed").length === 1, "it was not asked to resume")
      return `without an event id: ${said(cut)}; with one: ${said(resumed)}`
    },
  },
  {
    id: "F29",
    fault: "The event stream is cut in a read (2026-07-28)",
    required: "the read is issued again; calls end with -31001 `sent: maybe`",
    on: ["events"],
    era: "modern",
    async check({ client, key, connect: another }) {
      const modern = await another("modern")
      const cut = await client.call(`${key}_fault`)
      mustFail(cut, "UNAVAILABLE", { sent: "maybe", server: key })
      const read = await modern.read(key)
      must(read.result !== undefined, `the read: ${said(read)}`)
      return `call: ${said(cut)}; read: ${said(read)}`
    },
  },
  {
    id: "F30",
    fault: "A TLS certificate nobody vouches for, of another host",
    required: "-31001, and nothing is sent in the clear",
    on: ["http"],
    broken: true,
    mount: ({ run }) => serveBadTls(run.folder),
    check: (cell) => neverConnects(cell, 10_000),
  },
  {
    id: "F31",
    fault: "A name that does not resolve",
    required: "-31001 within 5 s",
    on: ["http"],
    broken: true,
    mount: () => ({ url: "http://nowhere.invalid/mcp", transport: "http" }),
    check: (cell) => neverConnects(cell, 6_000),
  },
  {
    id: "F31",
    fault: "An address that swallows connections",
    required: "-31001 within 5 s",
    on: ["http"],
    broken: true,
    mount: async () => ({ url: `http://127.0.0.1:${await swallow()}/mcp`, transport: "http" }),
    check: (cell) => neverConnects(cell, 8_000),
  },
  {
    id: "F32",
    fault: "200 with a page of HTML",
    required: "-31003; a secret of the manifest that the page repeats is masked",
    on: overHttp,
    headers: { "x-token": "${RIG_SECRET}" },
    check: (cell) => refusedFor(cell, "PROTOCOL"),
  },
]

/** HTTPS with a certificate of its own making, for another host. */
async function serveBadTls(folder: string): Promise<unknown> {
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(folder, name)) as [string, string]
  const subject = ["-subj", "/CN=elsewhere.example", "-days", "1"]
  const files = ["-keyout", key, "-out", cert]
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject, ...files], { stdio: "ignore" })
  const server = createTls({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  closers.push(() => server.close())
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, transport: "http" }
}

/** A port whose listener takes no connection: stopped, its queue full. */
async function swallow(): Promise<number> {
  const script = `const s = require("node:net").createServer().listen(0, "127.0.0.1", 1, () => {
    process.stdout.write(s.address().port + "\\n", () => process.kill(process.pid, "SIGSTOP"))
  })`
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] })
  closers.push(() => child.kill("SIGKILL"))
  let output = ""
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8")
  })
  const port = Number(await until("it listens", () => /\d+/.exec(output)?.[0]))
  // More than the queue holds: the last ones never connect.
  const fillers: Socket[] = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => undefined))
  closers.push(() => fillers.forEach((filler) => void filler.destroy()))
  return port
}
