/** An entry of the log as JSON, as pino would write it, without objects in between: one is written for every request. */
import { escaped } from "../../telemetry/lines.ts"
import type { Entry } from "./entry.ts"

/** The members of the entry and its message, each with a comma before it. */
export function toFields(entry: Entry): string {
  const { trace, params, code, result } = entry
  const about = aboutOf(entry)
  const took = textOfMs(entry.ms)
  let fields = `,"request":"${escaped(entry.request)}"`
  if (trace !== undefined) fields += `,"trace":"${escaped(trace)}"`
  fields += `${about.fields},"outcome":"${entry.outcome}","ms":${took}`
  if (entry.in !== undefined) fields += `,"in":${entry.in}`
  if (params !== undefined) fields += `,"params":"${escaped(params)}"`
  if (code !== undefined) fields += `,"code":${JSON.stringify(code)}`
  if (entry.out !== undefined) fields += `,"out":${entry.out}`
  if (result !== undefined) fields += `,"result":"${escaped(result)}"`
  return `${fields},"msg":"${about.words}: ${entry.outcome} in ${took} ms"`
}

type Subject = Pick<Entry, "method" | "name" | "upstream" | "client">

/** What is the same in many lines. */
interface About extends Subject {
  readonly fields: string
  readonly words: string
}

/** By the name of what was asked, the last of each. */
const known = new Map<string | undefined, About>()
/** Names that are remembered: clients choose them. */
const mostNames = 500

function aboutOf(entry: Entry): About {
  const memo = known.get(entry.name)
  if (memo !== undefined && isOf(memo, entry)) return memo
  const about = toAbout(entry)
  if (known.size >= mostNames) known.clear()
  known.set(entry.name, about)
  return about
}

function isOf(about: Subject, { method, upstream, client }: Subject): boolean {
  return about.method === method && about.upstream === upstream && about.client === client
}

function toAbout({ method, name, upstream, client }: Subject): About {
  const words = name === undefined ? escaped(method) : escaped(`${method} ${name}`)
  const members = { method, name, upstream, client }
  const fields = `,${JSON.stringify(members).slice(1, -1)}`
  return { ...members, words, fields }
}

/** The digits after the point of so many thousandths. */
const thousandths = Array.from({ length: 1_000 }, (_, at) => String(at / 1_000).slice(1))

/** A number with three digits after the point at most: what `String` makes of it, without working digits out. */
export function textOfMs(ms: number): string {
  const all = Math.round(ms * 1_000)
  const whole = Math.floor(all / 1_000)
  return `${whole}${thousandths[all - whole * 1_000]}`
}
