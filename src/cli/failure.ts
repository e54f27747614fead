/** How the command line ends when something is wrong: one message on standard error, a help line, an exit code. No stack. */
import { HostError, type HostErrorCode, messageOf } from "../errors.ts"
import { hasColor, maskStderr, printNote } from "./terminal.ts"

/** Ended by a signal, on purpose. */
export class Interrupted extends Error {
  readonly exitCode: number

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`)
    this.name = "Interrupted"
    this.exitCode = exitCodeOfSignal(signal)
  }
}

/** 128 and the number of the signal, as shells have it. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  const numbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }
  return 128 + (numbers[signal] ?? 0)
}

const upstreamCodes: readonly HostErrorCode[] = ["SERVER_REQUIRED", "SERVER_UNAVAILABLE"]

/** 1 for wrong usage, manifest problems and failed calls, 2 for upstream problems. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode
  return error instanceof HostError && upstreamCodes.includes(error.code) ? 2 : 1
}

let mask = (text: string): string => text
let debug = false

/** Takes secrets out of everything on standard error from now on, and out of what else is masked. */
export function hideWith(masking: (text: string) => string): void {
  mask = masking
  maskStderr(masking)
}

/** Shows stacks from now on. */
export function showStacks(): void {
  debug = true
}

export function masked(text: string): string {
  return mask(text)
}

/** Prints what went wrong. */
export function reportFailure(error: unknown): void {
  if (error instanceof Interrupted) return
  printNote(failureText(error))
  if (debug && error instanceof Error) printNote(error.stack ?? "")
}

function failureText(error: unknown): string {
  if (isManifestError(error)) {
    const count = error.problems.length
    const head = count === 1 ? `error ${error.code}:` : `error: ${count} problems in the manifest\n`
    return `${head}${count === 1 ? " " : "\n"}${error.format({ color: hasColor(process.stderr) })}`
  }
  if (error instanceof HostError) return `error ${error.code}: ${error.message}\nhelp: ${error.help}`
  return `error: ${messageOf(error)}`
}

interface Formatted extends HostError {
  readonly problems: readonly unknown[]
  format(options: { readonly color: boolean }): string
}

/** Known by its shape: loading the manifest's room to print another error would cost more than it tells. */
function isManifestError(error: unknown): error is Formatted {
  return error instanceof HostError && error.name === "ManifestError"
}

let surviving = false
let crashed = (error: unknown): boolean => {
  reportFailure(error)
  return false
}

/**
 * From now on errors that nobody caught are reported and survived: they come from packages that run in this process,
 * and one server's fault must not end the others. `report` is true when the error is known to be a server's.
 */
export function surviveCrashes(report: (error: unknown) => boolean): void {
  crashed = report
  surviving = true
}

/** An error that nobody caught ends the process with code 1, unless it serves; its children end with it. */
export function watchForCrashes(): void {
  const crash = (error: unknown): void => {
    // A closed terminal or pipe, not a fault, unless it is a server's.
    const isPipe = (error as NodeJS.ErrnoException | undefined)?.code === "EPIPE"
    if (isPipe && !surviving) process.exit(0)
    const isServers = crashed(error)
    if (isPipe && !isServers) process.exit(0)
    if (!surviving) process.exit(1)
  }
  process.on("uncaughtException", crash)
  process.on("unhandledRejection", crash)
}

/** The stack when stacks are wanted. */
export function stackOf(error: unknown): { readonly stack?: string } {
  return debug && error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}
}
