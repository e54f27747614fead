/** The verbs of the command line, their flags and help. Each verb's own file is loaded when it runs. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander"
import { exitCodeOf, reportFailure, showStacks, watchForCrashes } from "./failure.ts"
import { takeStdout } from "./terminal.ts"
import { readVersion } from "./version.ts"

/** Runs a command line and resolves with its exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  if (wantsStacks(argv)) showStacks()
  watchForCrashes()
  const output = takeStdout()
  let exitCode = 0
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...argv], { from: "user" })
    return exitCode
  } catch (error) {
    // Help and usage errors have been printed.
    if (error instanceof CommanderError) return error.exitCode
    reportFailure(error)
    return exitCodeOf(error)
  } finally {
    await new Promise((resolve) => output.write("", resolve))
  }
}

function wantsStacks(argv: readonly string[]): boolean {
  const level = argv.find((arg) => arg.startsWith("--log-level="))?.slice("--log-level=".length)
  const asked = level ?? argv[argv.indexOf("--log-level") + 1]
  return asked === "debug" || asked === "trace" || (process.env["MCP_HOST_DEBUG"] ?? "") !== ""
}

type Done = (exitCode: number) => void

function createProgram(done: Done): Command {
  const program = new Command("mcp-host")
  program
    .description("One manifest, one process, one endpoint for all your Model Context Protocol servers.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void takeStdout().write(text),
      writeErr: (text) => void process.stderr.write(text),
      outputError: (text, write) => write(usageError(text)),
    })
  for (const add of [
    addRun,
    addCheck,
    addList,
    addInspect,
    addCall,
    addRead,
    addPrompt,
    addLock,
    addDiff,
    addConvert,
    addStorage,
    addAudit,
    addSchema,
  ])
    add(program, done)
  addExamples(program, ["mcp-host check", "mcp-host run", "mcp-host call notes_search query=milk"])
  return program
}

/** In the form of all errors: the first line says what is wrong, `help:` what to do. */
function usageError(text: string): string {
  const [first = "", ...rest] = text.trim().split("\n")
  const suggestion = rest.join(" ").replace(/^\((.*)\)$/, "$1")
  const help = suggestion === "" ? "See mcp-host --help." : suggestion
  return `error USAGE: ${first.replace(/^error: /, "")}\nhelp: ${help}\n`
}

function addExamples(command: Command, examples: readonly string[]): void {
  command.addHelpText("after", `\nExamples:\n${examples.map((each) => `  $ ${each}`).join("\n")}`)
}

const levels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"]
const manifestArgument = (): Argument => new Argument("[manifest]", "the manifest").default("mcp-host.yaml")
const logLevel = (): Option => new Option("--log-level <level>", "what to log, on standard error").choices(levels)
const profile = (): Option => new Option("--profile <name>", "only what this profile of the manifest shows")
const envFile = (): Option =>
  new Option("--env-file <file>", "variables for ${VAR}, instead of .env beside the manifest")

/** The flags of every verb that starts the servers for one request. */
function addLocalOptions(command: Command): Command {
  return command
    .addOption(new Option("-m, --manifest <file>", "the manifest").default("mcp-host.yaml"))
    .addOption(envFile())
    .addOption(profile())
    .addOption(logLevel())
}

function addRun(program: Command, done: Done): void {
  const command = program
    .command("run")
    .description("Serve the manifest: over HTTP, or on standard input and output")
    .addArgument(manifestArgument())
    .option("--stdio", "serve one client on standard input and output")
    .addOption(new Option("--host <address>", "the address to listen on").argParser(parseHost))
    .addOption(new Option("--port <port>", "the port to listen on; 0 lets the system choose").argParser(parsePort))
    .addOption(profile())
    .option("--no-watch", "do not watch the manifest for changes")
    .addOption(logLevel().default("info"))
    .addOption(new Option("--log-format <format>", "how to log").choices(["pretty", "json"]).default("pretty"))
    .addOption(envFile())
    .action(async (manifest, options) => {
      done(await (await import("./verbs/run.ts")).run(manifest, options))
    })
  addExamples(command, [
    "mcp-host run",
    "mcp-host run ./team.yaml --port 9000 --log-format json",
    "mcp-host run --stdio --profile readonly",
  ])
}

function addCheck(program: Command, done: Done): void {
  const command = program
    .command("check")
    .description("Validate the manifest; with --connect start every server too")
    .addArgument(manifestArgument())
    .option("--connect", "start every server; report collisions, shortened names and filters that match nothing")
    .option("--json", "report as JSON")
    .addOption(envFile())
    .addOption(logLevel())
    .action(async (manifest, options) => done(await (await import("./verbs/check.ts")).check(manifest, options)))
  addExamples(command, ["mcp-host check", "mcp-host check ./team.yaml --connect", "mcp-host check --json"])
}

function addList(program: Command, done: Done): void {
  const kinds = ["tools", "resources", "templates", "prompts", "servers"]
  const command = addLocalOptions(program.command("list"))
    .description("Show what a client would see")
    .addArgument(new Argument("[kind]", "only these").choices(kinds))
    .option("--json", "as JSON")
    .option("--explain", "tell what is filtered out too, and by which line of the manifest")
    .option("--url <url>", "of a running endpoint instead of a manifest")
    .action(async (kind, options) => done(await (await import("./verbs/list.ts")).list(kind, options)))
  addExamples(command, [
    "mcp-host list",
    "mcp-host list tools --json",
    "mcp-host list --explain",
    "mcp-host list --url http://127.0.0.1:8300/mcp",
  ])
}

function addInspect(program: Command, done: Done): void {
  const command = addLocalOptions(program.command("inspect"))
    .description("Show one tool, resource, template or prompt whole")
    .argument("<name|uri>", "as clients see it")
    .option("--json", "as JSON")
    .addOption(
      new Option("--kind <kind>", "which one, where several share the name").choices([
        "tool",
        "resource",
        "template",
        "prompt",
      ]),
    )
    .action(async (name, options) => done(await (await import("./verbs/inspect.ts")).inspect(name, options)))
  addExamples(command, ["mcp-host inspect notes_search", "mcp-host inspect files://files/docs/errors.md --json"])
}

function addCall(program: Command, done: Done): void {
  const command = addLocalOptions(program.command("call"))
    .description("Call a tool through the whole host and print its result")
    .argument("<tool>", "its name as clients see it")
    .argument("[k=v...]", "its arguments; their types follow its input schema, lists and objects are JSON")
    .option("--json <object>", "its arguments as a JSON object")
    .option("--raw", "print the whole result as JSON")
    .action(async (tool, pairs, options) => done(await (await import("./verbs/call.ts")).call(tool, pairs, options)))
  addExamples(command, [
    "mcp-host call notes_search query=milk limit=5",
    `mcp-host call notes_write --json '{"name": "milk", "text": "Two litres"}'`,
    "mcp-host call clock_now --raw",
  ])
}

function addRead(program: Command, done: Done): void {
  const command = addLocalOptions(program.command("read"))
    .description("Read a resource through the whole host and print what it holds")
    .argument("<uri>", "its URI as clients see it")
    .option("--raw", "print the whole result as JSON")
    .action(async (uri, options) => done(await (await import("./verbs/read.ts")).read(uri, options)))
  addExamples(command, ["mcp-host read notes://notes/milk", "mcp-host read files://files/docs/errors.md > errors.md"])
}

function addPrompt(program: Command, done: Done): void {
  const command = addLocalOptions(program.command("prompt"))
    .description("Get a prompt through the whole host and print its messages")
    .argument("<name>", "its name as clients see it")
    .argument("[k=v...]", "its arguments")
    .option("--raw", "print the whole result as JSON")
    .action(async (name, pairs, options) =>
      done(await (await import("./verbs/prompt.ts")).prompt(name, pairs, options)),
    )
  addExamples(command, ["mcp-host prompt notes_summarize name=milk"])
}

function addLock(program: Command, done: Done): void {
  const command = addLocalOptions(program.command("lock"))
    .description("Write down what the servers offer, so that changes are noticed")
    .argument("[server...]", "with --update: only these")
    .option("--update", "accept what is different now")
    .action(async (servers, options) => done(await (await import("./verbs/lock.ts")).lock(servers, options)))
  addExamples(command, ["mcp-host lock", "mcp-host lock --update", "mcp-host lock --update github"])
}

function addDiff(program: Command, done: Done): void {
  const command = addLocalOptions(program.command("diff"))
    .description("Show what servers offer that is not as it was locked; exit code 1 when something is")
    .argument("[server...]", "only these")
    .option("--json", "as JSON")
    .option("--url <url>", "what a running endpoint shows, instead of what the servers offer")
    .action(async (servers, options) => done(await (await import("./verbs/diff.ts")).diff(servers, options)))
  addExamples(command, [
    "mcp-host diff",
    "mcp-host diff github --json",
    "mcp-host diff --url http://127.0.0.1:8300/mcp",
  ])
}

function addConvert(program: Command, done: Done): void {
  const command = program
    .command("convert")
    .description("Make a manifest out of the configuration files of MCP clients")
    .argument("<file...>", "JSON or TOML files with mcpServers, servers, context_servers or mcp_servers")
    .option("-o, --output <file>", "write it there instead of to standard output")
    .option("--force", "overwrite the file")
    .action(async (files, options) => done(await (await import("./verbs/convert.ts")).convert(files, options)))
  addExamples(command, [
    "mcp-host convert .vscode/mcp.json",
    "mcp-host convert ~/.cursor/mcp.json ~/.codex/config.toml -o mcp-host.yaml",
  ])
}

function addStorage(program: Command, done: Done): void {
  const storage = program.command("storage").description("Look after the stores of the manifest").helpCommand(false)
  const command = storage
    .command("rotate")
    .description("Encrypt every record with the key that the manifest gives now")
    .argument("[store...]", "only these")
    .addOption(new Option("-m, --manifest <file>", "the manifest").default("mcp-host.yaml"))
    .addOption(envFile())
    .action(async (names, options) => done(await (await import("./verbs/storage.ts")).rotate(names, options)))
  addExamples(command, ["mcp-host storage rotate", "mcp-host storage rotate default -m team.yaml"])
}

function addAudit(program: Command, done: Done): void {
  const audit = program.command("audit").description("Look after the audit logs of the manifest").helpCommand(false)
  const command = audit
    .command("verify")
    .description("Check that nothing in an audit log was changed, removed, inserted or moved; exit code 1 when it was")
    .argument("[file]", "this log; default: those of the manifest")
    .addOption(new Option("-m, --manifest <file>", "the manifest, which has the keys").default("mcp-host.yaml"))
    .addOption(envFile())
    .addOption(new Option("--key-env <variable>", "the variable with the key of the file; no manifest is read"))
    .option("--allow-unkeyed", "the log may have begun before it had a key")
    .option("--json", "as JSON")
    .action(async (file, options) => done(await (await import("./verbs/audit.ts")).verify(file, options)))
  addExamples(command, [
    "mcp-host audit verify",
    "mcp-host audit verify -m team.yaml --json",
    "AUDIT_KEY=$(cat key) mcp-host audit verify copies/audit.jsonl --key-env AUDIT_KEY",
  ])
}

function addSchema(program: Command, done: Done): void {
  const command = program
    .command("schema")
    .description("Print the JSON Schema of the manifest")
    .action(async () => done(await (await import("./verbs/schema.ts")).schema()))
  addExamples(command, ["mcp-host schema > mcp-host.schema.json"])
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port >= 0 && port <= 65_535) return port
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.")
}

function parseHost(text: string): string {
  if (text.trim() !== "") return text.trim()
  throw new InvalidArgumentError("An address such as 127.0.0.1 is wanted.")
}
