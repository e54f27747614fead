/** Programs of the suite that use the host's own modules, in a process of their own. */
import path from "node:path"
import { runToEnd } from "./processes.ts"

const folder = path.resolve(import.meta.dirname, "../programs")

/** What it printed; rejects if it failed. */
export async function runProgram(name: string, args: readonly string[]): Promise<string> {
  const loader = ["--import", import.meta.resolve("tsx")]
  const { output, code } = await runToEnd(process.execPath, [...loader, path.join(folder, name), ...args])
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`)
  return output
}
