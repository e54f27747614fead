/**
 * The log: pino on standard error, always, because standard output belongs to the protocol or to a result. Values that
 * came through interpolation are masked wherever they appear, whichever field or message they are in.
 */
import { type Logger, pino } from "pino"
import { createBatchedOutput } from "./batchedOutput.ts"
import { setOutput } from "./lines.ts"
import { createMasker, type Masker } from "./masker.ts"

export type LogFormat = "pretty" | "json"

export interface LoggerOptions {
  /** pino's levels: trace, debug, info, warn, error, fatal, silent. */
  readonly level: string
  readonly format: LogFormat
  readonly color: boolean
}

export const logLevelNames: readonly string[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"]

/** Its `mask` is for messages that are not logged. */
export interface HostLogger extends Masker {
  readonly log: Logger
}

/** How the values are masked that a log hides. */
const masks = new WeakMap<Logger, HostLogger["mask"]>()

/** Masks what this log hides, for texts that are cut before they are logged, or that go elsewhere. */
export function maskOf(log: Logger): HostLogger["mask"] {
  return masks.get(log) ?? ((text) => text)
}

export async function createLogger({ level, format, color }: LoggerOptions): Promise<HostLogger> {
  const { hide, mask } = createMasker()
  const output = format === "json" ? createBatchedOutput(2) : undefined
  const log = pino({ level, base: null, hooks: { streamWrite: mask } }, output ?? (await prettyStream(color)))
  masks.set(log, mask)
  if (output !== undefined) setOutput(log, (line) => output.write(mask(line)))
  return { log, mask, hide }
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
