/** `mcp-host convert`: a manifest out of the configuration files of MCP clients. */
import { dirname, resolve } from "node:path"
import { type Converted, convertFiles } from "../../convert/convert.ts"
import { readClientFileText } from "../clientFiles.ts"
import { printNote, printResult } from "../terminal.ts"
import { createFile, replaceFile } from "../writeFile.ts"

export interface ConvertVerbOptions {
  readonly output?: string
  readonly force?: boolean
}

export async function convert(names: readonly string[], { output, force }: ConvertVerbOptions): Promise<number> {
  const files = await Promise.all(names.map(readClientFileText))
  const directory = output === undefined ? process.cwd() : dirname(resolve(output))
  const converted = await convertFiles(files, { directory })
  if (output === undefined) await printResult(converted.text)
  else await (force === true ? replaceFile : createFile)(output, converted.text)
  printNote(summaryOf(converted, output))
  return 0
}

function summaryOf({ servers, variables, notes }: Converted, output: string | undefined): string {
  const active = servers.filter(({ inactive }) => inactive === undefined).length
  const count =
    notes.length + servers.reduce((sum, each) => sum + each.notes.length + (each.inactive === undefined ? 0 : 1), 0)
  const lines = [
    `${active} of ${servers.length} servers converted${output === undefined ? "" : ` into ${output}`}`,
    ...(count === 0 ? [] : [`${count} notes are in its comments: what was left out or means something else`]),
    ...(variables.length === 0 ? [] : ["to set in the environment, or in .env beside the manifest:"]),
    ...variables.map(
      ({ name, from, isSecret }) => `  ${name}  ${isSecret ? "its value is in" : "used by"} ${from.join(", ")}`,
    ),
  ]
  return lines.join("\n")
}
