// Keeps `callers` calls in flight for a while and checks every answer.
import { filler } from "../servers/answers.mjs"
import { messageOf } from "./client.mjs"
import { cpuMicroseconds } from "./cpu.mjs"

/** Larger answers are parsed every 16th time; otherwise their id, their nonce and their length are checked. */
const parsedBytes = 4_096

/** Longest a window may grow, and longest that answers are waited for after it. */
const longestMs = 10_000

/**
 * `call`: `{ tool, bytes, progress, callers, seconds, longest, warmUp, pid }`. Resolves with the number of calls in the window,
 * latencies, and the CPU time of `pid` in it.
 */
export function measureCalls(client, call) {
  return new Promise((resolve, reject) => {
    const run = new Run(client, call, reject)
    for (let at = 0; at < call.callers; at += 1) run.next(at)
    setTimeout(() => {
      run.start()
      setTimeout(() => void run.stop().then(resolve), call.seconds * 1_000)
    }, call.warmUp * 1_000)
  })
}

class Run {
  #client
  #call
  #fail
  #expect
  #count = 0
  #inFlight = 0
  #answered = 0
  #latencies = []
  #measuring = false
  #stopped = false
  #errors = 0
  #error
  #progress = 0
  #began = 0
  #cpu = 0

  constructor(client, call, fail) {
    this.#client = client
    this.#call = call
    this.#fail = fail
    this.#expect = call.bytes === undefined ? undefined : expectation(call.bytes)
  }

  start() {
    this.#latencies = []
    this.#progress = 0
    this.#measuring = true
    this.#cpu = cpuMicroseconds(this.#call.pid)
    this.#began = performance.now()
  }

  #elapsed() {
    return performance.now() - this.#began
  }

  /** Ends the window, and waits for the answers still on their way. */
  async stop() {
    const longest = this.#call.longest === undefined ? longestMs : this.#call.longest * 1_000
    // Slow answers make a longer window: two for each caller, if they come in time.
    await until(() => this.#stopped || this.#latencies.length >= 2 * this.#call.callers, longest - this.#elapsed())
    const seconds = this.#elapsed() / 1_000
    const cpu = cpuMicroseconds(this.#call.pid)
    this.#stopped = true
    await until(() => this.#inFlight === 0, longestMs)
    const sorted = Float64Array.from(this.#latencies).sort()
    const at = (share) =>
      sorted.length === 0 ? undefined : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
    return {
      calls: sorted.length,
      answered: this.#answered,
      seconds,
      p50Us: toUs(at(0.5)),
      p99Us: toUs(at(0.99)),
      cpuUs: cpu === undefined ? undefined : cpu - this.#cpu,
      errors: this.#errors,
      error: this.#error ?? (sorted.length === 0 ? "no answer in the window" : undefined),
      withoutProgress: this.#call.progress ? sorted.length - this.#progress : 0,
    }
  }

  next(at) {
    if (this.#stopped) return
    const { tool, bytes, progress } = this.#call
    this.#count += 1
    const nonce = `n${this.#count}-${"x".repeat(bytes === undefined ? 80 : 8)}`
    const given = bytes === undefined ? { text: nonce } : { nonce, bytes }
    const params = progress
      ? { name: tool, arguments: { ...given, progress: true }, _meta: { progressToken: `p${this.#count}` } }
      : { name: tool, arguments: given }
    const { id, text } = this.#client.encode("tools/call", params)
    const count = this.#count
    const began = performance.now()
    this.#inFlight += 1
    this.#client.exchange(at, { id, method: "tools/call", name: tool, text }, (error, answer) => {
      this.#inFlight -= 1
      this.#answered += 1
      const took = performance.now() - began
      const problem = error?.message ?? this.#problem(answer, { id, nonce, count })
      if (problem !== undefined) {
        this.#errors += 1
        this.#error ??= problem
        // A target that only fails is not worth waiting for.
        if (this.#errors > 100) return this.#giveUp()
      } else if (this.#measuring && !this.#stopped) {
        this.#latencies.push(took)
        if (progress && answer.body.includes("notifications/progress")) this.#progress += 1
      }
      if (error === undefined) this.next(at)
    })
  }

  #giveUp() {
    if (this.#stopped) return
    this.#stopped = true
    this.#fail(new Error(`${this.#errors} wrong answers, the first: ${this.#error}`))
  }

  /** What is wrong with an answer, if anything is. */
  #problem(answer, { id, nonce, count }) {
    if (answer.status !== 200) return `status ${answer.status}: ${answer.body.toString("utf8").slice(0, 200)}`
    const { body } = answer
    if (body.length <= parsedBytes || count % 16 === 0) return wrongMessage(answer, id, this.#expectedText(nonce))
    const ends = body.subarray(0, 1_024).latin1Slice() + body.subarray(-512).latin1Slice()
    if (!new RegExp(`"id": ?${id}\\b`).test(ends)) return `id ${id} is not in the answer: ${ends.slice(0, 200)}`
    if (body.indexOf(nonce) === -1) return `the answer is another call's: ${ends.slice(0, 200)}`
    const { encoded } = this.#expect
    if (body.length < encoded || body.length > encoded + 4_096)
      return `the answer has ${body.length} bytes for a text of ${encoded}`
    return undefined
  }

  #expectedText(nonce) {
    return this.#expect === undefined ? `echo ${nonce}` : `${nonce} ${this.#expect.text}`
  }
}

async function until(reached, withinMs) {
  const end = performance.now() + withinMs
  while (!reached() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 2))
}

function expectation(bytes) {
  const text = filler(bytes)
  return { text, encoded: Buffer.byteLength(JSON.stringify(text)) }
}

function wrongMessage(answer, id, expected) {
  try {
    const { id: answered, result, error } = messageOf(answer, id)
    if (answered !== id) return `id ${answered} instead of ${id}`
    if (error !== undefined) return JSON.stringify(error).slice(0, 300)
    const text = result?.content?.[0]?.text
    return text === expected ? undefined : `wrong content: ${String(text).slice(0, 100)}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function toUs(ms) {
  return ms === undefined ? undefined : Math.round(ms * 1_000)
}
