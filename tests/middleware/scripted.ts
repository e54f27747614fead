/** A server whose answers a test says, and figures that a test can look at. */
import path from "node:path"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Labels, Metrics, Sample } from "../../src/telemetry/types.ts"

export interface Message extends JsonObject {
  method: string
}

/** Gives `{ result }` or `{ error }`; nothing: there is no answer. */
export type Script = (
  message: Message,
  send: (message: JsonObject) => Promise<void>,
) => JsonObject | undefined | Promise<JsonObject | undefined>

const scripts: Record<string, Script> = {}
Object.assign(globalThis, { scripts })

export function setScript(key: string, script: Script): void {
  scripts[key] = script
}

/** The value of `mount` for a server with these tools, with its `config`; both for a manifest. */
export function scripted(key: string, tools: readonly JsonObject[] = [{ name: "do" }]): string {
  const mount = path.resolve(import.meta.dirname, "packages/scripted.mjs")
  return `mount: ${mount}, config: ${JSON.stringify({ key, tools })}`
}

export const fine = { result: { content: [{ type: "text", text: "fine" }] } }

/** An error as one of the host's own. */
export function failure(code: number, data: JsonObject = {}): JsonObject {
  return { error: { code, message: `failed with ${code}`, data: { sent: "maybe", retryable: true, ...data } } }
}

export interface Figures {
  readonly metrics: Metrics
  /** The sum of a counter, or the number of observations, where the labels are these. */
  count(name: string, labels?: Labels): number
  gauge(name: string): readonly Sample[]
}

export function createFigures(): Figures {
  const noted: { readonly name: string; readonly value: number; readonly labels: Labels }[] = []
  const gauges = new Map<string, () => readonly Sample[]>()
  const matches = (labels: Labels, wanted: Labels): boolean =>
    Object.entries(wanted).every(([key, value]) => labels[key] === value)
  return {
    metrics: {
      enabled: true,
      counter: ({ name }) => ({ add: (value, labels = {}) => void noted.push({ name, value, labels }) }),
      histogram: ({ name }) => ({ observe: (_value, labels = {}) => void noted.push({ name, value: 1, labels }) }),
      gauge: ({ name }, read) => {
        gauges.set(name, read)
        return () => void gauges.delete(name)
      },
    },
    count: (name, labels = {}) =>
      noted
        .filter((each) => each.name === name && matches(each.labels, labels))
        .reduce((sum, { value }) => sum + value, 0),
    gauge: (name) => gauges.get(name)?.() ?? [],
  }
}

/** Resolves with what a request is refused with. */
export async function refusal(request: Promise<unknown>): Promise<{ code: number; message: string; data: JsonObject }> {
  const outcome = await request.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ("error" in outcome) return outcome.error as Awaited<ReturnType<typeof refusal>>
  throw new Error(`not refused: ${JSON.stringify(outcome.value)}`)
}

/** Something that a test lets go on when it wants. */
export function createGate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}
