/** The log that the fault servers and the host's edge write, read as it grows. */
import { closeSync, openSync, readSync } from "node:fs"
import { until } from "../../e2e/rig.ts"

export interface LogLine {
  /** Milliseconds of the machine's clock. */
  readonly at: number
  /** Key of the server; undefined at the edge. */
  readonly server?: string
  readonly pid: number
  readonly what: string
  readonly call?: string
  /** A process it started. */
  readonly child?: number
}

export interface Log {
  readonly file: string
  /** All lines so far. */
  lines(): readonly LogLine[]
  /** Those of one server. */
  of(server: string, what?: string): readonly LogLine[]
  /** Waits for a line of a server, and gives the newest. */
  find(server: string, what: string, withinMs?: number): Promise<LogLine>
}

export function openLog(file: string): Log {
  closeSync(openSync(file, "a"))
  const known: LogLine[] = []
  const byServer = new Map<string, LogLine[]>()
  const buffer = Buffer.alloc(1024 * 1024)
  let position = 0
  let rest = ""
  const read = (): void => {
    const descriptor = openSync(file, "r")
    try {
      for (;;) {
        const bytes = readSync(descriptor, buffer, 0, buffer.length, position)
        if (bytes === 0) return
        position += bytes
        // Lines are ASCII.
        const texts = (rest + buffer.toString("latin1", 0, bytes)).split("\n")
        rest = texts.pop() ?? ""
        for (const text of texts) keep(JSON.parse(text) as LogLine)
      }
    } finally {
      closeSync(descriptor)
    }
  }
  const keep = (line: LogLine): void => {
    known.push(line)
    const own = byServer.get(line.server ?? "")
    if (own === undefined) byServer.set(line.server ?? "", [line])
    else own.push(line)
  }
  const lines = (): readonly LogLine[] => {
    read()
    return known
  }
  const of: Log["of"] = (server, what) => {
    read()
    return (byServer.get(server) ?? []).filter((line) => what === undefined || line.what === what)
  }
  const find: Log["find"] = async (server, what, withinMs = 20_000) =>
    (await until(`${server} says "${what}"`, () => of(server, what).at(-1), withinMs)) as LogLine
  return { file, lines, of, find }
}
