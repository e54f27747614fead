/** Rows about a server's process: how it starts, dies, hangs and comes back. */
import { setTimeout as delay } from "node:timers/promises"
import { until } from "../../e2e/rig.ts"
import { isAlive } from "../../fixtures/processes.ts"
import { must, mustFail, mustSucceed, said } from "../rig/finding.ts"
import { killed, startWeb } from "../rig/upstreams.ts"
import { type Cell, type Row, recovered } from "./row.ts"

const MiB = 1024 * 1024

/** The call ends soon after its server died, and the next process answers. */
async function diesMidCall(cell: Cell): Promise<string> {
  const { client, key, log, run } = cell
  const outcome = await client.call(`${key}_fault`)
  const died = await log.find(key, "died")
  mustFail(outcome, "UNAVAILABLE", { sent: "maybe", server: key })
  const after = outcome.at - died.at
  must(after <= run.within(100), `answered ${after} ms after the death`)
  const back = await recovered(cell)
  const again = log.of(key, "executed").filter(({ call }) => call === outcome.call)
  must(again.length === 1, `executed ${again.length} times`)
  return `-31001 sent: maybe, ${Math.max(0, after)} ms after the death; back after ${Math.round(back)} ms`
}

async function webDies(cell: Cell): Promise<string> {
  const { client, key, log, web } = cell
  if (web === undefined) throw new Error("no process of its own")
  const call = client.call(`${key}_work`, { args: { ms: 60_000 } })
  await log.find(key, "executed")
  const at = Date.now()
  await killed(web.started)
  const outcome = await call
  mustFail(outcome, "UNAVAILABLE", { sent: "maybe", server: key })
  const refused = await client.call(`${key}_work`)
  mustFail(refused, "UNAVAILABLE", { server: key })
  await startWeb(log.file, web.port)
  const back = await recovered(cell)
  return `-31001 sent: maybe, ${outcome.at - at} ms after the kill; back ${Math.round(back)} ms after it listens again`
}

async function isListedWithout({ key, client, host, state }: Cell, reason: RegExp): Promise<string> {
  const now = await until("it is given up", async () => {
    const seen = await state()
    return seen.state === "starting" ? undefined : seen
  })
  must(["backoff", "failed"].includes(now?.state ?? ""), `state ${now?.state}`)
  must(reason.test(now?.reason ?? ""), `reason ${now?.reason}`)
  const began = performance.now()
  const { tools } = await client.request("tools/list")
  const ms = performance.now() - began
  must(JSON.stringify(tools).includes("healthy_work"), "the healthy server is not listed")
  const outcome = await client.call(`${key}_work`)
  mustFail(outcome, "UNAVAILABLE", { sent: "no" })
  must((await fetch(new URL("/healthz", host.url))).ok, "the host is not alive")
  return `${now?.state}: ${now?.reason?.slice(0, 60)}; the others listed in ${Math.round(ms)} ms; ${said(outcome)}`
}

export const processRows: readonly Row[] = [
  {
    id: "F1",
    fault: "The server dies in a call",
    required: "-31001 `sent: maybe` within 100 ms of its end; it comes back; the call is not repeated",
    on: ["stdio"],
    alone: true,
    check: diesMidCall,
  },
  {
    id: "F1",
    fault: "The server dies in a call",
    required: "-31001 `sent: maybe`; it is spoken to again once it is back",
    on: ["http", "events", "sse"],
    ownWeb: true,
    check: webDies,
  },
  {
    id: "F2",
    fault: "… while a grandchild holds its pipes",
    required: "as F1, and the grandchild is gone",
    on: ["stdio"],
    alone: true,
    async check(cell) {
      const observed = await diesMidCall(cell)
      const { child = 0 } = await cell.log.find(cell.key, "grandchild")
      await until("the grandchild is gone", () => !isAlive(child), cell.run.within(2_000))
      return `${observed}; no grandchild left`
    },
  },
  {
    id: "F3",
    fault: "The command is not there",
    required: "the state says so, calls end with -31001 `sent: no`, the others serve",
    on: ["stdio"],
    broken: true,
    mount: () => ({ command: "/nonexistent/server" }),
    check: (cell) => isListedWithout(cell, /not found/),
  },
  {
    id: "F3",
    fault: "Nothing listens at the URL",
    required: "the state says so, calls end with -31001 `sent: no`, the others serve",
    on: ["http", "sse"],
    broken: true,
    // The port of a discarded service: nothing listens there.
    mount: ({ transport }) => ({ url: "http://127.0.0.1:9/", transport }),
    check: (cell) => isListedWithout(cell, /./),
  },
  {
    id: "F4",
    fault: "Hangs at `initialize`",
    required: "given up at `timeouts.start`; the others are listed without it",
    on: ["stdio", "http", "sse"],
    broken: true,
    entry: { timeouts: { start: "1s" } },
    check: (cell) => isListedWithout(cell, /./),
  },
  {
    id: "F5",
    fault: "Dies of `server/discover`",
    required: "a fresh connection, spoken to in the legacy generation",
    on: ["stdio", "http"],
    async check(cell) {
      const modern = await cell.connect("modern")
      mustSucceed(await cell.client.call(`${cell.key}_work`))
      mustSucceed(await modern.call(`${cell.key}_work`))
      const starts = cell.log.of(cell.key, "started").length
      const probes = cell.log.of(cell.key, "died").length
      must(probes > 0, "it was never probed")
      return `works for both generations; ${probes} probes, ${starts} starts`
    },
  },
  {
    id: "F17",
    fault: "Stops reading",
    required: "8 MiB wait at most, then -31006 `sent: no`; back when it is killed",
    on: ["stdio"],
    entry: { timeouts: { call: "8s" } },
    async check(cell) {
      const { client, key, log } = cell
      const stuck = client.call(`${key}_fault`)
      const { pid } = await log.find(key, "stopped")
      const text = "x".repeat(MiB)
      const calls = Array.from({ length: 12 }, () => client.call(`${key}_work`, { args: { text } }))
      const outcomes = await Promise.all(calls)
      const busy = outcomes.filter(({ error }) => error?.["code"] === -31006)
      for (const outcome of busy) mustFail(outcome, "BUSY", { sent: "no", server: key })
      must(busy.length >= 3 && busy.length <= 6, `${busy.length} of 12 calls of 1 MiB were refused`)
      for (const outcome of outcomes.filter((each) => !busy.includes(each))) mustFail(outcome, "TIMEOUT")
      mustFail(await stuck, "TIMEOUT", { sent: "maybe" })
      process.kill(pid, "SIGKILL")
      await recovered(cell)
      return `${busy.length} of 12 calls of 1 MiB refused with -31006, the others ended with -31002`
    },
  },
  {
    id: "F18",
    fault: "Floods its standard error",
    required: "drained; calls go on",
    on: ["stdio"],
    entry: { timeouts: { call: "60s" } },
    async check({ client, key, run }) {
      const bytes = (run.full ? 1_024 : 64) * MiB
      const outcome = await client.call(`${key}_fault`, { args: { bytes } })
      mustSucceed(outcome)
      return `${bytes / MiB} MiB drained in ${Math.round(outcome.ms)} ms, the call answered after them`
    },
  },
  {
    id: "F21",
    fault: "Comes back with other tools",
    required: "clients are told once, and see them",
    on: ["stdio"],
    async check(cell) {
      const { client, key } = cell
      const before = JSON.stringify(await client.request("tools/list"))
      const told = (): number =>
        client.heard.filter(({ method }) => method === "notifications/tools/list_changed").length
      client.heard.length = 0
      const began = performance.now()
      await client.call(`${key}_fault`)
      await recovered(cell)
      await until("it is listed anew", async () => JSON.stringify(await client.request("tools/list")) !== before)
      await until("it is told", () => told() > 0)
      await delay(1_500)
      // Others' lists change too while all rows run: what counts is that it is no storm.
      const most = Math.max(3, (performance.now() - began) / 1_000 + 1)
      must(told() >= 1 && told() <= most, `told ${told()} times`)
      return `told ${told()} times, the new list is seen`
    },
  },
  {
    id: "F22",
    fault: "Runs out of memory",
    required: "as F1, and the reason says so",
    on: ["stdio"],
    nodeArgs: ["--max-old-space-size=32"],
    entry: { timeouts: { call: "60s" } },
    async check(cell) {
      const outcome = await cell.client.call(`${cell.key}_fault`)
      mustFail(outcome, "UNAVAILABLE", { sent: "maybe", server: cell.key })
      must(/memory/i.test(String(outcome.error?.["data"].reason)), said(outcome))
      await recovered(cell)
      return said(outcome)
    },
  },
  {
    id: "F23",
    fault: "Ends as soon as it is started",
    required: "at most 5 starts in a minute, then a breaker: calls fail at once",
    on: ["stdio"],
    broken: true,
    async check({ client, key, log, run, state }) {
      await log.find(key, "started")
      // It has been started several times by then.
      const first = log.of(key, "started")[0]?.at ?? 0
      await delay(first + (run.full ? 75_000 : 25_000) - Date.now())
      await until("it is left alone", async () => (await state())["reason"]?.startsWith("it ends again and again"))
      const outcome = await client.call(`${key}_work`)
      mustFail(outcome, "UNAVAILABLE", { sent: "no", server: key })
      must(outcome.ms < run.within(500), `the call waited ${Math.round(outcome.ms)} ms`)
      const times = log.of(key, "started").map(({ at }) => at)
      const inAMinute = (from: number): number => times.filter((at) => at >= from && at < from + 60_000).length
      const most = Math.max(...times.map(inAMinute))
      const inAll = `${times.length} in ${Math.round((Date.now() - first) / 1_000)} s`
      must(most <= 5, `${most} starts in a minute, ${inAll}`)
      return `${most} starts in a minute, ${inAll}; ${said(outcome)}`
    },
  },
  {
    id: "F39",
    fault: "SIGKILL of the host",
    required: "its children are gone within 2 s",
    later: "see the figure `kill-host`",
  },
]
