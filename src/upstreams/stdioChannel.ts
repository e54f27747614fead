/**
 * A channel to a child process: one JSON-RPC message a line on its standard streams (specification 2026-07-28,
 * basic/transports/stdio). Lines that are no messages are skipped and counted, unless they answer a request, which then
 * fails; its standard error goes to the log.
 */
import type { ChildProcess } from "node:child_process"
import { upstreamError } from "../protocol/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import { joined, type Pieces, sizeOf } from "../protocol/pieces.ts"
import type { Channel, ChannelReceiver } from "../wire/channel.ts"
import { atEndOfTurn } from "../wire/endOfTurn.ts"
import { readMessage, Unreadable } from "../wire/incoming.ts"
import { LineSplitter } from "../wire/lineSplitter.ts"
import { largeAnswerBytes, splitAnswer } from "../wire/rawAnswer.ts"
import { ErrorOutput } from "./errorOutput.ts"
import { LineBudget } from "./lineBudget.ts"
import { type ChildCommand, endChild, startChild, turnToStart } from "./processGroup.ts"
import type { MaskingLogger } from "./serverLogger.ts"

/** Longest message taken from a server, in bytes. */
const maxMessageBytes = 16 * 1024 * 1024
/** Bytes that wait for a child that does not read. */
const maxWaitingBytes = 8 * 1024 * 1024
/** Lines that are no messages, after which the child counts as broken. */
const maxGarbageLines = 1_000
/** Time for the exit to be told that explains why a child reads no more, in milliseconds. */
const exitMs = 100
/** Beginning of a skipped line that is masked, before it is cut to what is shown. */
const maskedBytes = 64 * 1024

/** What runtimes say before they end for want of memory: V8, Python, Java, Go and Rust. */
const outOfMemory =
  /heap out of memory|MemoryError|OutOfMemoryError|out of memory|memory allocation of \d+ bytes failed/

export class StdioChannel implements Channel {
  readonly #command: ChildCommand
  readonly #logger: MaskingLogger
  readonly #errors: ErrorOutput
  #child: ChildProcess | undefined
  #receiver: ChannelReceiver | undefined
  #queue: string[] = []
  #queuedBytes = 0
  /** Handed to the pipe, and not taken from it yet. */
  #pipedBytes = 0
  #garbage = 0
  /** Of those, the ones since the last message: a server may well print a line with each. */
  #garbageInRow = 0
  #ended = false

  /** `budget` is what the children of one server share. */
  constructor(command: ChildCommand, logger: MaskingLogger, budget = new LineBudget(logger)) {
    this.#command = command
    this.#logger = logger
    this.#errors = new ErrorOutput(budget)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** The end of what the child wrote to its standard error, masked. */
  lastErrors(): string {
    return this.#mask(this.#errors.text)
  }

  async start(receiver: ChannelReceiver): Promise<void> {
    this.#receiver = receiver
    await turnToStart()
    if (this.#ended) throw new Error("it was closed before its process was started")
    const child = startChild(this.#command)
    this.#child = child
    const { command } = this.#command
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve)
      child.once("error", (error: NodeJS.ErrnoException) => reject(cannotStart(command, error)))
    })
    child.on("error", (error) => this.#end(error))
    child.once("exit", (code, signal) => this.#exited(code, signal))
    child.stdin?.on("error", (error) => {
      this.#logger.debug("its standard input broke", { reason: error.message })
      // Nothing reaches it any more: what waits for answers would wait for their deadlines.
      setTimeout(() => this.#end(new Error("closed its standard input")), exitMs)
    })
    this.#read(child)
  }

  send(message: JsonObject): Promise<void> | undefined {
    if (this.#ended) {
      const reason = "its process has ended"
      return Promise.reject(upstreamError("UPSTREAM_UNAVAILABLE", { reason, sent: "no", retryable: true }))
    }
    const line = JSON.stringify(message)
    const bytes = Buffer.byteLength(line)
    const waiting = this.#queuedBytes + this.#pipedBytes
    if (waiting > 0 && waiting + bytes > maxWaitingBytes) {
      const reason = `does not read what it is sent: ${waiting} bytes wait for it`
      return Promise.reject(upstreamError("BUSY", { reason, sent: "no", retryable: true }))
    }
    this.#queuedBytes += bytes
    // One write a turn of the event loop: what arrived on any socket meanwhile leaves in one system call.
    if (this.#queue.push(line) === 1) atEndOfTurn(() => this.#flush())
    return undefined
  }

  async close(): Promise<void> {
    this.#flush()
    this.#ended = true
    if (this.#child !== undefined) await endChild(this.#child)
  }

  #flush(): void {
    const lines = this.#queue
    const bytes = this.#queuedBytes
    this.#queue = []
    this.#queuedBytes = 0
    if (lines.length === 0 || this.#child?.stdin?.writable !== true) return
    this.#pipedBytes += bytes
    this.#child.stdin.write(`${lines.join("\n")}\n`, () => {
      this.#pipedBytes -= bytes
    })
  }

  #read(child: ChildProcess): void {
    const output = new LineSplitter(
      maxMessageBytes,
      (line) => this.#line(line),
      () => {
        const reason = `sent a message of more than ${maxMessageBytes} bytes`
        this.#end(upstreamError("LIMIT_EXCEEDED", { reason, sent: "maybe", retryable: false }))
      },
    )
    child.stdout?.on("data", (chunk: Buffer) => output.push(chunk))
    child.stderr?.on("data", (chunk: Buffer) => this.#errors.push(chunk))
    child.stderr?.once("end", () => this.#errors.end())
  }

  #line(pieces: Pieces): void {
    const size = sizeOf(pieces)
    if (this.#ended || size === 0) return
    const answer = size < largeAnswerBytes ? undefined : splitAnswer(pieces)
    if (answer !== undefined) {
      this.#garbageInRow = 0
      return this.#receiver?.answered(answer)
    }
    const line = joined(pieces)
    const message = readMessage(line)
    if (message instanceof Unreadable) return this.#unreadable(message, line)
    this.#garbageInRow = 0
    this.#receiver?.message(message)
  }

  #unreadable({ answer, error }: Unreadable, line: Buffer): void {
    if (answer !== undefined) return this.#receiver?.message(answer)
    const text = line.toString("utf8", 0, maskedBytes).trim()
    if (text === "") return
    this.#garbage += 1
    this.#garbageInRow += 1
    if (this.#garbage <= 5)
      this.#logger.warn("wrote a line that is no message to its standard output", {
        reason: error.message,
        line: this.#mask(text).slice(0, 200),
      })
    if (this.#garbageInRow === maxGarbageLines)
      this.#end(new Error(`wrote ${maxGarbageLines} lines that are no messages`))
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    // Who sent the signal is not told; it is the kernel's way of ending what takes too much memory.
    const killed = signal === "SIGKILL" ? " (killed, or out of memory)" : ""
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`
    // Its last words may still be in the pipe; they are the best explanation there is.
    setImmediate(() => {
      const lastLine = this.#mask(this.#errors.lastLine).slice(0, 500)
      const why = outOfMemory.test(this.#errors.text) ? " (out of memory)" : killed
      this.#end(new Error(`its process ${how}${why}${lastLine === "" ? "" : `: ${lastLine}`}`))
    })
  }

  #mask(text: string): string {
    return this.#logger.mask?.(text) ?? text
  }

  #end(reason: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#receiver?.closed(reason)
    // What still comes is for nobody, however much it is.
    this.#child?.stdout?.destroy()
    if (this.#child !== undefined) void endChild(this.#child)
  }
}

function cannotStart(command: string, error: NodeJS.ErrnoException): Error {
  const why =
    error.code === "ENOENT"
      ? `the command ${JSON.stringify(command)} was not found`
      : error.code === "EACCES"
        ? `the command ${JSON.stringify(command)} may not be executed`
        : `the command ${JSON.stringify(command)} cannot be started: ${error.message}`
  return upstreamError("UPSTREAM_UNAVAILABLE", { reason: why, sent: "no", retryable: true })
}
