/**
 * `cache`: keeps answers of what only reads (resources, prompts, completions, tools that are annotated read-only or listed)
 * and asks a server once for all who ask the same at the same time. Lists need it not: they come from the catalogue.
 * Answers are of one principal unless the server says that they are public.
 */
import type { CacheOptions } from "../manifest/middleware/cache.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import { parseSize } from "../manifest/sizes.ts"
import { stringAt } from "../protocol/json.ts"
import type { McpRequest, McpResult } from "../protocol/messages.ts"
import { Answers, type Kept } from "./cache/answers.ts"
import { Flights, type Route } from "./cache/flights.ts"
import { type Keys, keysOf } from "./cache/key.ts"
import { readAnswer } from "./cache/readAnswer.ts"
import { createRules } from "./cache/rules.ts"
import { defineMiddleware } from "./define.ts"
import type { MiddlewareDeps, RequestHook, Subject } from "./types.ts"

/** Members of a request that make it one of a kind: the retry of one that its client was asked about, or a task. */
const singular = ["inputResponses", "requestState", "task"] as const

export const cache = defineMiddleware<CacheOptions>({
  name: "cache",
  create(options, deps) {
    const { afterWrites = defaults.afterWrites, maxEntryBytes = defaults.maxEntryBytes } = options
    const { maxEntries = defaults.maxEntries, maxBytes = defaults.maxBytes } = options
    const now = (): number => performance.now()
    const rules = createRules(options)
    const answers = new Answers({ maxEntries, maxBytes: parseSize(maxBytes), now })
    const flights = new Flights()
    const largest = Math.min(parseSize(maxEntryBytes), parseSize(maxBytes))
    const count = createCount(deps, answers)

    const drop = (topic: string): void => {
      answers.drop(topic)
      flights.forget(topic)
    }
    const stop = deps.on((event) => {
      if (event.type === "updated") drop(topicOf(event.server, event.uri))
      else if (event.server !== undefined) drop(event.server)
      else {
        answers.clear()
        flights.forget()
      }
    })

    const landing = (keys: Keys, ttlMs: number, topics: readonly string[]): Route => ({
      topics,
      landed(result, isCurrent) {
        const answer = readAnswer(result, largest)
        const forMs = Math.floor(Math.min(ttlMs, answer.ttlMs ?? ttlMs))
        const mayKeep = isCurrent && answer.result !== undefined && answer.bytes <= largest && forMs > 0
        if (answer.result === undefined || !mayKeep) return { isCommon: answer.isCommon, kept: undefined }
        const kept: Kept = { result: answer.result, topics, bytes: answer.bytes, at: now() }
        answers.set(answer.isPublic ? keys.shared : keys.own, kept, forMs)
        return { isCommon: true, kept: kept.result }
      },
    })

    const hook: RequestHook = (request, context, next) => {
      const subject = deps.subject(request, context.client)
      // What nobody has, or who has it is not known yet, is for others to answer.
      if (subject === undefined) return next(request, context)
      const ttlMs = singular.some((member) => member in request.params) ? 0 : rules.ttlOf(request, subject)
      if (ttlMs === 0) {
        count(subject, request, "passed")
        const answer = next(request, context)
        const mayChange = afterWrites === "drop" && rules.writes(request, subject)
        return mayChange ? answer.finally(() => drop(subject.server)) : answer
      }
      const keys = keysOf(request, context, next)
      const kept = answers.get(keys.shared) ?? answers.get(keys.own)
      if (kept !== undefined) {
        count(subject, request, "hit")
        return Promise.resolve(aged(kept, now()))
      }
      const route = landing(keys, ttlMs, topicsOf(request, subject))
      const { joined, answer } = flights.fly(keys.own, { request, context, next }, route)
      count(subject, request, joined ? "joined" : "miss")
      return answer
    }

    return {
      ...{ callTool: hook, readResource: hook, getPrompt: hook, complete: hook },
      close() {
        stop()
        count.close()
        answers.clear()
      },
    }
  },
})

const { cache: defaults } = middlewareDefaults

type Outcome = "hit" | "miss" | "joined" | "passed"

/** Counts requests, and shows how full the cache is. */
function createCount({ metrics, server = "" }: MiddlewareDeps, answers: Answers) {
  const requests = metrics.counter({
    name: "mcp_host_cache_requests_total",
    help: "Requests that could have been answered from a cache, by what became of them.",
    labels: ["server", "method", "outcome"],
  })
  const gauge = (name: string, help: string, value: () => number) =>
    metrics.gauge({ name, help, labels: ["server"] }, () => [{ value: value(), labels: { server } }])
  const stops = [
    gauge("mcp_host_cache_entries", "Answers that a cache keeps.", () => answers.entries),
    gauge("mcp_host_cache_bytes", "Bytes of the answers that a cache keeps.", () => answers.bytes),
  ]
  const count = ({ server: owner }: Subject, { method }: McpRequest, outcome: Outcome): void => {
    if (metrics.enabled) requests.add(1, { server: owner, method, outcome })
  }
  return Object.assign(count, {
    close(): void {
      for (const stop of stops) stop()
    },
  })
}

function topicsOf({ method, params }: McpRequest, { server }: Subject): readonly string[] {
  const uri = method === "resources/read" ? stringAt(params, "uri") : undefined
  return uri === undefined ? [server] : [server, topicOf(server, uri)]
}

/** Keys of servers have no spaces. */
function topicOf(server: string, uri: string): string {
  return `${server} ${uri}`
}

/** An answer as it is now: what its server says of its time counts from when it came. */
function aged({ result, at }: Kept, now: number): McpResult {
  // What is kept as bytes says nothing of it.
  if (result.bytes !== undefined) return result
  const { ttlMs } = result.value
  if (typeof ttlMs !== "number") return result
  return { ...result, value: { ...result.value, ttlMs: Math.max(0, Math.round(ttlMs - (now - at))) } }
}
