/**
 * The log's lines, for whoever writes so many that pino's way from an object to a text is too dear: its entry is text
 * already. There only where the log is JSON of this process; otherwise pino is asked. Both write the same.
 */
import type { Logger } from "pino"

/** Writes an entry; `fields` are its members, each with a comma before it, the message among them. */
export type WriteFields = (fields: string) => void
type Level = "debug" | "info" | "warn" | "error"

/** Where lines go, masked, of logs that are written as JSON. */
const outputs = new WeakMap<Logger, (line: string) => void>()
const writers = new WeakMap<object, (level: Level) => WriteFields>()

/** `write` takes whole lines of this log. */
export function setOutput(log: Logger, write: (line: string) => void): void {
  outputs.set(log, write)
}

/** `logger` is this log under a server's name. */
export function shareOutput(log: Logger, logger: object, server: string): void {
  const write = outputs.get(log)
  if (write === undefined) return
  const bindings = `,"server":${JSON.stringify(server)}`
  writers.set(logger, (level) => {
    const head = `{"level":${log.levels.values[level]},"time":`
    return (fields) => write(`${head}${Date.now()}${bindings}${fields}}\n`)
  })
}

/** Writes entries of a level, whether the log wants it or not; undefined when the logger has to be asked. */
export function writerOf(logger: object, level: Level): WriteFields | undefined {
  return writers.get(logger)?.(level)
}

/** A text as it stands between the quotes of JSON. */
export function escaped(text: string): string {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 32 || code === quote || code === backslash || (code & 0xf8_00) === surrogates)
      return JSON.stringify(text).slice(1, -1)
  }
  return text
}

const quote = 34
const backslash = 92
const surrogates = 0xd8_00
