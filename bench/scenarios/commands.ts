/** What the command costs before it does anything: `--version`, and `check` of a manifest with twenty servers. */
import { runToEnd } from "../lib/processes.ts"
import type { Suite } from "../lib/suite.ts"
import { hostEntry, writeManifest } from "../lib/targets.ts"
import { stdioCommand } from "../lib/upstreams.ts"
import { contest, type StartRow } from "./coldStart.ts"

export interface CommandResults {
  readonly rows: readonly StartRow[]
}

export async function runCommands(suite: Suite): Promise<CommandResults> {
  const upstreams = Array.from({ length: 20 }, (_, at) => {
    const spec = { key: `s${at}`, kind: "stdio" as const }
    return { ...spec, command: stdioCommand(spec) }
  })
  const manifest = writeManifest(`${suite.folder}/check`, upstreams)
  const command = (name: string, title: string, args: readonly string[]) => ({
    name,
    title,
    async run() {
      const { code, output, ms } = await runToEnd(process.execPath, args)
      if (code !== 0) throw new Error(`${title} ended with ${code}: ${output}`)
      return ms
    },
  })
  const contestants = [
    command("node", "node -e 0", ["-e", "0"]),
    command("version", "mcp-host --version", [hostEntry, "--version"]),
    command("check", "mcp-host check (20 servers)", [hostEntry, "check", manifest]),
  ]
  const { rows } = await contest(suite, {
    id: "commands",
    title: "commands",
    contestants,
    times: suite.options.rounds * 3,
  })
  return { rows }
}
