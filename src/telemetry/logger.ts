/**
 * The log: pino on standard error, always, because standard output belongs to the protocol or to a result. Values that
 * came through interpolation are masked wherever they appear, whichever field or message they are in.
 */
import { type Logger, pino } from "pino"

export type LogFormat = "pretty" | "json"

export interface LoggerOptions {
  /** pino's levels: trace, debug, info, warn, error, fatal, silent. */
  readonly level: string
  readonly format: LogFormat
  readonly color: boolean
}

export const logLevelNames: readonly string[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"]

/** Shorter texts are too common to be masked without making the log unreadable. */
const shortestSecret = 4
const shortestLine = 8

export interface HostLogger {
  readonly log: Logger
  /** Masks these texts from now on. */
  hide(secrets: readonly string[]): void
  /** The text with these masked, for messages that are not logged. */
  mask(text: string): string
}

/** How the values are masked that a log hides. */
const masks = new WeakMap<Logger, HostLogger["mask"]>()

/** Masks what this log hides, for texts that are cut before they are logged, or that go elsewhere. */
export function maskOf(log: Logger): HostLogger["mask"] {
  return (text) => masks.get(log)?.(text) ?? text
}

export async function createLogger({ level, format, color }: LoggerOptions): Promise<HostLogger> {
  let secrets: readonly string[] = []
  const mask = (line: string): string => secrets.reduce((text, secret) => text.replaceAll(secret, "[hidden]"), line)
  const stream = format === "json" ? pino.destination({ dest: 2, sync: true }) : await prettyStream(color)
  const log = pino({ level, base: null, hooks: { streamWrite: mask } }, stream)
  masks.set(log, mask)
  return {
    log,
    mask,
    hide: (more) => {
      // Longest first: a secret that contains another is masked whole.
      const texts = more
        .flatMap((secret) => [secret, ...linesOf(secret)])
        .filter((text) => text.length >= shortestSecret)
        .flatMap((text) => [text, escaped(text), escaped(escaped(text))])
      secrets = [...new Set([...secrets, ...texts])].sort((a, b) => b.length - a.length)
    },
  }
}

/** The longer lines of a text that has several (a key, say): programs write them one by one. */
function linesOf(secret: string): string[] {
  const lines = secret.split("\n").map((line) => line.trim())
  return lines.length < 2 ? [] : lines.filter((line) => line.length >= shortestLine)
}

/** As JSON has it: what a sink sees, and once more where JSON is the message. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

async function prettyStream(color: boolean): Promise<NodeJS.WritableStream> {
  const { default: pretty } = await import("pino-pretty")
  return pretty({
    colorize: color,
    destination: 2,
    sync: true,
    translateTime: "HH:MM:ss",
    ignore: "server,hostname,pid,state,url",
    messageFormat: (record, key) =>
      `${typeof record["server"] === "string" ? `${record["server"]}: ` : ""}${String(record[key])}`,
  })
}
