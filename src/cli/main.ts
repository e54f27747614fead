#!/usr/bin/env node
/** The command `mcp-host`. Loads as little as it can: `--version` needs nothing, and each verb brings its own file. */
import { keepCompiled } from "./compileCache.ts"
import { readVersion } from "./version.ts"

const argv = process.argv.slice(2)

if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`${readVersion()}\n`)
} else {
  keepCompiled()
  const { runCli } = await import("./program.ts")
  process.exit(await runCli(argv))
}
