/**
 * The host's modules one by one, as the compiler writes them: in the command's bundle they and the libraries cannot be told
 * apart, and run from their sources they would be slower. Under `build/`, as deep as the sources.
 */
import { spawnSync } from "node:child_process"
import path from "node:path"
import { runToEnd } from "./processes.ts"

const root = path.resolve(import.meta.dirname, "../..")

let emitted = false

/** Compiles them, once in a run; returns the command among them. */
export function emitModules(): string {
  const command = path.join(root, "build/cli/main.js")
  if (emitted) return command
  const compiler = path.join(root, "node_modules/typescript/bin/tsc")
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", path.join(root, "bench")], {
    encoding: "utf8",
  })
  if (status !== 0) throw new Error(`the compiler ended with ${status}: ${stdout}`)
  emitted = true
  return command
}

/** What a program of the suite printed that uses them; rejects if it failed. */
export async function runProgram(name: string, args: readonly string[]): Promise<string> {
  emitModules()
  const { output, code } = await runToEnd(process.execPath, [path.join(root, "bench/programs", name), ...args])
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`)
  return output
}
