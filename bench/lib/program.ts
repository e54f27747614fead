/** Programs of the suite that use the host's own modules, in a process of their own. */
import path from "node:path"
import { runToEnd } from "./processes.ts"

const folder = path.resolve(import.meta.dirname, "../programs")

/** Lets Node run the sources as they are: in the bundle, modules and libraries cannot be told apart. */
export const fromSources: readonly string[] = ["--import", import.meta.resolve("tsx")]

/** What it printed; rejects if it failed. */
export async function runProgram(name: string, args: readonly string[]): Promise<string> {
  const { output, code } = await runToEnd(process.execPath, [...fromSources, path.join(folder, name), ...args])
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`)
  return output
}
