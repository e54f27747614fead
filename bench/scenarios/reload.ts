/**
 * Reload under load: one host, calls to a server that no edit concerns, and edits of the manifest meanwhile, every tenth of
 * them invalid. Rounds with edits are measured against rounds without, in turn. Every valid edit must become visible, every
 * invalid one must be refused with the old composition serving on, and no call may fail.
 */
import { writeFileSync } from "node:fs"
import path from "node:path"
import type { CallResult } from "../lib/load.ts"
import { freePort, type Started, sleep, start } from "../lib/processes.ts"
import { toFigure, toRatio } from "../lib/report.ts"
import { type Round, toRound } from "../lib/rounds.ts"
import { medianOf, ratioOf } from "../lib/statistics.ts"
import type { Suite } from "../lib/suite.ts"
import { hostLaunch } from "../lib/targets.ts"
import { stdioCommand } from "../lib/upstreams.ts"

export interface ReloadResults {
  /** Edits that were applied, and those that were refused as they should be. */
  readonly applied: number
  readonly refused: number
  readonly calls: number
  readonly failed: number
  /** With edits, to without; medians of the rounds. */
  readonly callsRatio: number
  readonly p99Ratio: number
  /** From writing the file to a list that shows the edit. */
  readonly visibleMs: number
}

const callers = 16
/** Between one edit and the next. */
const pauseMs = 250
const package_ = path.resolve(import.meta.dirname, "../servers/package-growing")

export async function runReload(suite: Suite): Promise<ReloadResults> {
  suite.log("reload under load")
  const [command, ...args] = stdioCommand({ key: "still", kind: "stdio" })
  const file = path.join(suite.folder, "reload.yaml")
  const write = (at: number, more: object = {}): void =>
    writeFileSync(
      file,
      JSON.stringify({
        host: { name: "bench" },
        servers: {
          still: { mount: { command, args } },
          [`moving${at}`]: { mount: package_, config: { tools: 10 + (at % 5) } },
        },
        ...more,
      }),
    )
  write(0)
  const port = await freePort()
  const launch = hostLaunch(file, port)
  const host = start(launch.file, launch.args, { cwd: suite.folder })
  const editor = new Editor({ suite, host, write, url: `http://127.0.0.1:${port}/mcp` })
  try {
    await suite.load.ready({ url: editor.url, protocol: "streamable", tools: 12, timeoutMs: 30_000 })
    return await measure(suite, host, editor)
  } finally {
    await suite.load.close()
    await host.stop()
  }
}

async function measure(suite: Suite, host: Started, editor: Editor): Promise<ReloadResults> {
  const still: (Round | undefined)[] = []
  const edited: (Round | undefined)[] = []
  let calls = 0
  let failed = 0
  // The first round warms up and does not count.
  for (let round = 0; round <= suite.options.rounds; round += 1) {
    for (const edits of round % 2 === 0 ? [false, true] : [true, false]) {
      const result = await callsBeside(suite, host, { editor, edits })
      calls += result.answered
      failed += result.errors
      if (result.error !== undefined) throw new Error(`a call failed${edits ? " during an edit" : ""}: ${result.error}`)
      if (round > 0) (edits ? edited : still).push(toRound(result))
    }
  }
  const ratio = (key: keyof Round): number =>
    ratioOf(
      edited.map((each) => each?.[key]),
      still.map((each) => each?.[key]),
    ) ?? Number.NaN
  const { applied, refused, visible } = editor
  const results: ReloadResults = {
    ...{ applied, refused, calls, failed },
    ...{ callsRatio: ratio("callsPerSecond"), p99Ratio: ratio("p99Us"), visibleMs: medianOf(visible) ?? Number.NaN },
  }
  suite.log(
    `  ${applied} edits applied, ${refused} refused, ${calls} calls, ${failed} failed; calls/s × ${toRatio(results.callsRatio)}, p99 × ${toRatio(results.p99Ratio)}, visible after ${toFigure(results.visibleMs)} ms`,
  )
  return results
}

async function callsBeside(
  { load, options }: Suite,
  { pid }: Started,
  { editor, edits }: { readonly editor: Editor; readonly edits: boolean },
): Promise<CallResult> {
  let done = false
  const calling = load
    .calls({
      ...{ url: editor.url, protocol: "streamable", era: "legacy", pid, tool: "still_echo", callers },
      ...{ seconds: Math.max(1, options.seconds), warmUp: options.warmUp },
    })
    .finally(() => {
      done = true
    })
  // What goes wrong with an edit is the first to be told; the calls end by themselves.
  calling.catch(() => undefined)
  while (edits && !done) await editor.edit()
  return calling
}

interface EditorOptions {
  readonly suite: Suite
  readonly host: Started
  readonly write: (at: number, more?: object) => void
  readonly url: string
}

/** Edits the manifest, one edit at a time, and waits until each has had its effect. */
class Editor {
  readonly url: string
  readonly visible: number[] = []
  applied = 0
  refused = 0
  readonly #options: EditorOptions
  #at = 0

  constructor(options: EditorOptions) {
    this.#options = options
    this.url = options.url
  }

  async edit(): Promise<void> {
    this.#at += 1
    await (this.#at % 10 === 5 ? this.#invalid() : this.#valid())
    await sleep(pauseMs)
  }

  async #valid(): Promise<void> {
    const began = performance.now()
    this.#options.write(this.#at)
    await this.#until(`edit ${this.#at} is visible`, async () =>
      (await this.#names()).includes(`moving${this.#at}_grow`),
    )
    this.visible.push(performance.now() - began)
    this.applied += 1
  }

  async #invalid(): Promise<void> {
    const { write, host } = this.#options
    const key = `nonsense${this.#at}`
    write(this.#at, { [key]: true })
    await this.#until(`edit ${this.#at} is refused`, async () => host.output().includes(key))
    if (!(await this.#names()).includes(`moving${this.#at - 1}_grow`))
      throw new Error("an invalid edit changed the list")
    this.refused += 1
  }

  async #names(): Promise<readonly string[]> {
    const { names } = await this.#options.suite.load.list({ url: this.url, protocol: "streamable", times: 0 })
    return names
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 10_000; !(await holds()); await sleep(50)) {
      if (performance.now() > end) throw new Error(`not within ten seconds: ${what}\n${this.#options.host.output()}`)
    }
  }
}
