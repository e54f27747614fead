/** What a tool answers: the structured result, the same as text for the model, and errors that say what to do next. */
import { existsSync } from "node:fs"
import type { CallToolResult } from "@modelcontextprotocol/server"
import * as z from "zod"
import type { CommandSpec } from "./config.ts"
import type { CommandResult } from "./runCommand.ts"

export const resultSchema = z.object({
  exitCode: z.number().int().nullable().describe("The program's exit code; null when a signal ended it"),
  signal: z.string().nullable().describe("The signal that ended the program, if any"),
  stdout: z.string().describe("Standard output"),
  stderr: z.string().describe("Standard error"),
  truncated: z.boolean().describe("Whether output was dropped because of the output limit"),
  timedOut: z.boolean().describe("Whether the program was killed because of its time limit"),
  durationMs: z.number().int().describe("How long it ran, in milliseconds"),
})

/** Anything but exit code 0 is a tool error; it carries the structured result all the same. */
export function toToolResult(command: CommandSpec, result: CommandResult): CallToolResult {
  const failed = result.exitCode !== 0 || result.timedOut
  return {
    content: [{ type: "text", text: toText(command, result) }],
    structuredContent: { ...result },
    ...(failed && { isError: true }),
  }
}

/** For a program that could not be started. */
export function toFailure(command: CommandSpec, error: unknown): CallToolResult {
  return { content: [{ type: "text", text: describeFailure(command, error) }], isError: true }
}

/** For a call that ended before its program was started. */
export function toCancelled(command: CommandSpec): CallToolResult {
  return { content: [{ type: "text", text: `${command.name} was cancelled and did not run.` }], isError: true }
}

function toText(command: CommandSpec, result: CommandResult): string {
  const notes = [describeEnd(command, result)]
  if (result.truncated) {
    notes.push(`Output over ${command.maxOutputBytes} bytes was dropped. Ask for less, or raise maxOutput.`)
  }
  const sections = [result.stdout.trimEnd()]
  if (result.stderr.trim() !== "") sections.push(`[stderr]\n${result.stderr.trimEnd()}`)
  sections.push(`[${notes.join(" ")}]`)
  return sections.filter((section) => section !== "").join("\n")
}

function describeEnd(command: CommandSpec, result: CommandResult): string {
  const duration = `after ${result.durationMs} ms`
  if (result.timedOut) {
    return `${command.name} was killed ${duration}: its time limit is ${command.timeoutMs} ms. Ask for less work, or raise timeout.`
  }
  if (result.signal !== null) return `${command.name} was ended by ${result.signal} ${duration}.`
  return `Exit code ${result.exitCode} ${duration}.`
}

function describeFailure(command: CommandSpec, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  const config = `commands.${command.name}`
  if (code === "ENOENT" && !existsSync(command.cwd)) {
    return `${command.name} did not start: its working folder does not exist. The owner of this server can create it or correct ${config}.cwd.`
  }
  if (code === "ENOENT") {
    return `${command.name} did not start: its program was not found. The owner of this server can install it or correct ${config}.run.`
  }
  if (code === "EACCES") {
    return `${command.name} did not start: its program may not be executed. The owner of this server can correct its permissions or ${config}.run.`
  }
  if (code === "E2BIG") return `${command.name} did not start: its arguments are too long. Send shorter ones.`
  return `${command.name} did not start (${String(code ?? "unknown reason")}). Its owner can check ${config}.`
}
