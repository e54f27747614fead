/** Rows about what a server sends: nothing, too slowly, too much, twice, or no MCP at all. */
import { setTimeout as delay } from "node:timers/promises"
import { until } from "../../e2e/rig.ts"
import { must, mustFail, mustSucceed, said } from "../rig/finding.ts"
import { hostileText } from "../servers/faults.mjs"
import { type Cell, type Row, recovered } from "./row.ts"

const everywhere = ["stdio", "http", "events", "sse"] as const
const streams = ["stdio", "events", "sse"] as const
const MiB = 1024 * 1024

/** The call ends with the error, and the server goes on working. */
async function failsAlone(cell: Cell, name: "PROTOCOL" | "LIMIT", args: Record<string, unknown> = {}): Promise<string> {
  const outcome = await cell.client.call(`${cell.key}_fault`, { args })
  mustFail(outcome, name, { sent: "maybe", server: cell.key })
  await recovered(cell)
  return said(outcome)
}

export const messageRows: readonly Row[] = [
  {
    id: "F6",
    fault: "Hangs in a call",
    required: "-31002 at `timeouts.call`; the server is told to cancel",
    on: everywhere,
    entry: { timeouts: { call: "500ms" } },
    async check({ client, key, log, run }) {
      const outcome = await client.call(`${key}_fault`)
      mustFail(outcome, "TIMEOUT", { sent: "maybe", server: key })
      must(outcome.ms >= 490 && outcome.ms < 500 + run.within(500), said(outcome))
      await log.find(key, "cancelled")
      return `${said(outcome)}; cancelled`
    },
  },
  {
    id: "F7",
    fault: "Progress without end",
    required: "-31002 at `timeouts.total`; the server is told to cancel",
    on: ["stdio", "events", "sse"],
    entry: { timeouts: { call: "1s", total: "2500ms" } },
    async check({ client, key, log, run }) {
      const outcome = await client.call(`${key}_fault`, { progressToken: "p" })
      mustFail(outcome, "TIMEOUT", { sent: "maybe", server: key })
      must(outcome.ms >= 2_490 && outcome.ms < 2_500 + run.within(500), said(outcome))
      await log.find(key, "cancelled")
      return `${said(outcome)}; cancelled`
    },
  },
  {
    id: "F8",
    fault: "Answers a byte at a time, for ever",
    required: "the deadline holds",
    on: everywhere,
    entry: { timeouts: { call: "700ms" } },
    async check({ client, key, run }) {
      const outcome = await client.call(`${key}_fault`)
      mustFail(outcome, "TIMEOUT", { sent: "maybe", server: key })
      must(outcome.ms < 700 + run.within(500), said(outcome))
      return said(outcome)
    },
  },
  {
    id: "F9",
    fault: "Garbage between its messages",
    required: "skipped; 1,000 lines of it start the process anew",
    on: ["stdio"],
    async check(cell) {
      const { client, key, log } = cell
      mustSucceed(await client.call(`${key}_fault`))
      const outcome = await client.call(`${key}_fault`, { args: { lines: 1_000 } })
      mustFail(outcome, "UNAVAILABLE", { sent: "maybe", server: key })
      await recovered(cell)
      const pids = new Set(log.of(key, "started").map(({ pid }) => pid))
      must(pids.size >= 2, "it was not started anew")
      return `a banner and five lines skipped; after 1,000 ${said(outcome)}, then a new process`
    },
  },
  {
    id: "F10",
    fault: "A message without end",
    required: "-31004; a stdio server is started anew",
    on: everywhere,
    entry: { timeouts: { call: "20s" } },
    async check(cell) {
      const observed = await failsAlone(cell, "LIMIT", { bytes: 24 * MiB })
      const { key, log, transport } = cell
      const pids = new Set(log.of(key, "started").map(({ pid }) => pid))
      must(transport !== "stdio" || pids.size >= 2, "it was not started anew")
      return observed
    },
  },
  {
    id: "F11",
    fault: "UTF-8 torn apart at every byte",
    required: "the exact text arrives",
    on: everywhere,
    async check({ client, key }) {
      const outcome = await client.call(`${key}_fault`)
      const text = outcome.result?.["content"]?.[0]?.text
      must(text === hostileText, `got ${JSON.stringify(text ?? outcome)}`)
      return "the exact text"
    },
  },
  {
    id: "F12",
    fault: "Invalid UTF-8, a bare NUL",
    required: "-31003 for the call it answers",
    on: everywhere,
    async check(cell) {
      const first = await failsAlone(cell, "PROTOCOL", { what: "utf8" })
      await failsAlone(cell, "PROTOCOL", { what: "nul" })
      return first
    },
  },
  {
    id: "F13",
    fault: "Answers twice",
    required: "the second answer is dropped",
    on: streams,
    async check({ client, key, oracle }) {
      const outcome = await client.call(`${key}_fault`)
      must(outcome.result?.["content"]?.[0]?.text === "first", said(outcome))
      mustSucceed(await client.call(`${key}_work`))
      must(oracle.answersTo(outcome.call) === 1, `${oracle.answersTo(outcome.call)} answers`)
      return "one answer, the first"
    },
  },
  {
    id: "F14",
    fault: "Answers with ids that are unknown or of another type",
    required: "dropped, never given to another call",
    on: streams,
    async check({ client, key, connect }) {
      const other = await connect("legacy")
      const [mine, theirs] = await Promise.all([
        client.call(`${key}_fault`),
        other.call(`${key}_work`, { args: { ms: 200 } }),
      ])
      mustSucceed(mine)
      mustSucceed(theirs)
      return "both calls got their own results"
    },
  },
  {
    id: "F15",
    fault: "Answers after it was told to cancel",
    required: "dropped; the next calls get their own answers",
    on: everywhere,
    entry: { timeouts: { call: "1s" } },
    async check(cell) {
      const { client, key, log, oracle } = cell
      const outcome = await client.call(`${key}_fault`)
      mustFail(outcome, "TIMEOUT", { sent: "maybe" })
      await log.find(key, "cancelled")
      // Each is the oracle's to judge: none may get the answer of another.
      for (let time = 0; time < 5; time += 1) await recovered(cell, { ms: 30 })
      must(oracle.answersTo(outcome.call) === 1, "the late answer came through")
      return "the late answer is dropped, five calls after it got theirs"
    },
  },
  {
    id: "F16",
    fault: "A result and an error at once",
    required: "-31003",
    on: everywhere,
    check: (cell) => failsAlone(cell, "PROTOCOL"),
  },
  {
    id: "F19",
    fault: "A storm of `list_changed`, 10,000 a second",
    required: "listed at most once a second, and each client is told at most once a second",
    on: ["stdio", "http", "sse"],
    async check({ client, key, log, run }) {
      const ms = run.full ? 10_000 : 4_000
      client.heard.length = 0
      const [before, began] = [log.of(key, "listed").length, performance.now()]
      const listed = (): number => log.of(key, "listed").length - before
      mustSucceed(await client.call(`${key}_fault`, { args: { ms } }))
      await delay(ms + 1_000)
      await until("it is listed anew", () => listed() > 0)
      const lists = listed()
      const told = client.heard.filter(({ method }) => method === "notifications/tools/list_changed").length
      const seconds = (performance.now() - began) / 1_000
      must(lists <= seconds + 2, `listed ${lists} times in ${seconds.toFixed(1)} s`)
      must(told <= seconds + 2, `told ${told} times in ${seconds.toFixed(1)} s`)
      return `${(ms / 1_000) * 10_000} announced in ${ms / 1_000} s: listed ${lists} times, client told ${told} times`
    },
  },
  {
    id: "F20",
    fault: "A cursor without end",
    required: "given up after 64 pages; the others serve",
    on: ["stdio", "http"],
    broken: true,
    async check({ client, key, log, state }) {
      const seen = await until("it is given up", async () => {
        const now = await state()
        return now.state !== "starting" && now.state !== "ready" ? now : undefined
      })
      const pages = mostInARow(log.of(key).map(({ what }) => what))
      must(JSON.stringify(await client.request("tools/list")).includes("healthy_work"), "the others are not listed")
      must(pages <= 64, `${pages} pages were asked for`)
      return `${seen?.state} after ${pages} pages: ${seen?.reason?.slice(0, 60)}`
    },
  },
]

/** Pages of one list. */
function mostInARow(said: readonly string[]): number {
  let [most, now] = [0, 0]
  for (const what of said) {
    now = what === "listed" ? now + 1 : 0
    most = Math.max(most, now)
  }
  return most
}
