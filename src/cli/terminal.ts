/**
 * Where the command line writes. Standard output belongs to the result or to the protocol: whatever else writes there
 * (a sub-server with `console.log`) is sent to standard error.
 */
import { Writable } from "node:stream"
import picocolors from "picocolors"

let output: Writable | undefined

/** The only way to standard output from now on. */
export function takeStdout(): Writable {
  if (output !== undefined) return output
  const { stdout, stderr } = process
  const write = stdout.write.bind(stdout)
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: Uint8Array | string, _encoding, done) => void write(chunk, (error) => done(error)),
  })
  // The overloads of `write` only differ in what may be left out.
  stdout.write = ((...args: Parameters<typeof stderr.write>) => stderr.write(...args)) as typeof stdout.write
  // A reader that went away is no failure of ours: whoever writes learns of it through its own callback.
  stdout.on("error", () => undefined)
  stderr.on("error", () => undefined)
  stream.on("error", () => undefined)
  output = stream
  return stream
}

let masking: ((text: string) => string) | undefined

/** Masks what anybody in this process writes to standard error from now on, packages with `console.error` among them. */
export function maskStderr(mask: (text: string) => string): void {
  const isFirst = masking === undefined
  masking = mask
  if (!isFirst) return
  const { stderr } = process
  const write = stderr.write.bind(stderr)
  const masked = (chunk: Uint8Array | string): Uint8Array | string => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8")
    const shown = masking?.(text) ?? text
    return shown === text ? chunk : shown
  }
  // The overloads of `write` only differ in what may be left out.
  stderr.write = ((chunk: Uint8Array | string, ...rest: never[]) =>
    write(masked(chunk), ...rest)) as typeof stderr.write
}

/** Writes a result, ended by a line break; resolves when it has left, or its reader has. */
export async function printResult(text: string): Promise<void> {
  await printBytes(text.endsWith("\n") ? text : `${text}\n`)
}

export async function printBytes(bytes: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => {
    takeStdout().write(bytes, () => resolve())
  })
}

export async function printJson(value: unknown): Promise<void> {
  await printResult(JSON.stringify(value, null, 2))
}

/** Writes a line for the person at the terminal. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`)
}

export type Colors = ReturnType<typeof picocolors.createColors>

export function hasColor(stream: NodeJS.WriteStream): boolean {
  return (
    stream.isTTY === true &&
    process.env["TERM"] !== "dumb" &&
    (process.env["NO_COLOR"] === undefined || process.env["NO_COLOR"] === "")
  )
}

export function colorsFor(stream: NodeJS.WriteStream): Colors {
  return picocolors.createColors(hasColor(stream))
}

/** Columns of a terminal; undefined when the stream is none, so that nothing is cut. */
export function widthOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY === true ? stream.columns : undefined
}
