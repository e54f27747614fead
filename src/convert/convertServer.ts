/** Converts one server of a client's configuration into an entry of the manifest. What has no counterpart becomes a note. */
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { EntryReader } from "./entryReader.ts"
import { readRemoteWrapper } from "./mcpRemote.ts"
import { escapeText, forbiddenKeys, usualText } from "./names.ts"
import { mountUrl, toRemote } from "./remote.ts"
import { type TextScope, toArgs, toNamed, toText } from "./texts.ts"
import type { ClientServer, Draft, TargetDraft } from "./types.ts"
import type { Variables } from "./variables.ts"

export interface ConvertOptions {
  readonly variables: Variables
  /** A folder as the manifest is to write it; undefined when it does not exist. */
  folder(path: string): string | undefined
  /** The folder that programs ran in, where it is not the manifest's. */
  readonly workspace: string | undefined
}

/** What clients keep beside a server that means nothing to a host. */
const meaningless: Readonly<Record<string, string>> = {
  alwaysAllow: "which calls need no question is for the client to say",
  autoApprove: "which calls need no question is for the client to say",
  trust: "which calls need no question is for the client to say",
  default_tools_approval_mode: "which calls need no question is for the client to say",
  oauth: "a server here gets the headers it is given; see `endpoint` and `mount.headers` in docs/manifest.md",
  auth: "a server here gets the headers it is given",
  scopes: "a server here gets the headers it is given",
  headersHelper: "headers here are texts; put what it prints into a variable",
  envFile: "name its variables in `env`, or pass the file to mcp-host with --env-file",
  sandbox: "programs run without a sandbox",
  sandboxEnabled: "programs run without a sandbox",
  dev: "it is for the editor",
  gallery: "it is for the editor",
}

/** Keys that say what the rest of the entry says already. */
const redundant = ["type", "transport", "source", "name", "enabled", "disabled"]

export function convertServer(server: ClientServer, options: ConvertOptions): Draft {
  const notes: string[] = []
  const reader = new EntryReader(server.entry, (text) => notes.push(text))
  const scope: TextScope = {
    dialect: server.dialect,
    variables: options.variables,
    from: server.from,
    server: server.key,
    note: (text) => void notes.push(text),
  }
  const disabled = reader.flag("disabled") === true || reader.flag("enabled") === false
  const target = toTarget(reader, scope, options)
  const value: JsonObject = { ...target.value, ...toFilters(reader, target.excluded), ...toPolicy(reader, server) }
  for (const key of redundant) reader.take(key)
  for (const key of reader.rest())
    notes.push(`${key} was left out: ${meaningless[key] ?? "mcp-host has no such setting"}`)
  const inactive = target.inactive ?? (disabled ? "it is switched off in the client" : unusable(value))
  return { key: server.key, from: server.from, value, notes, ...(inactive !== undefined && { inactive }) }
}

function toTarget(reader: EntryReader, scope: TextScope, options: ConvertOptions): TargetDraft {
  const command = readCommand(reader)
  if (command === undefined) return toRemote(reader, scope)
  const env = reader.texts("env", "environment", "envs")
  const wrapper = readRemoteWrapper(command.program, command.args)
  if (wrapper === undefined) return toProgram(command, env, { reader, scope, options })
  for (const each of wrapper.lost) scope.note(`mcp-remote: ${each} was left out`)
  const headers = wrapper.headers.map(([name, value]) => ({ name, value: filled(value, env) }))
  const used = wrapper.headers.map(([, value]) => value).join(" ")
  const unused = Object.keys(env).filter((name) => !used.includes(`\${${name}}`))
  if (unused.length > 0) scope.note(`mcp-remote: its environment was left out (${unused.join(", ")})`)
  if (!headers.some(({ name }) => name.toLowerCase() === "authorization"))
    scope.note("mcp-remote logs in where a server asks for it; a mount sends the headers it is given")
  reader.take("cwd")
  const { transport, ignoredTools } = wrapper
  return { ...mountUrl(filled(wrapper.url, env), { transport, headers }, scope), excluded: ignoredTools }
}

/** The wrapper fills in `${NAME}` from its own environment. */
function filled(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{([A-Za-z_]\w*)\}/g, (all, name: string) => env[name] ?? all)
}

/** A manifest holds no NUL character: no program, header or name can have one. */
function unusable(value: JsonValue): string | undefined {
  const holdsNul = (each: JsonValue): boolean =>
    typeof each === "string"
      ? each.includes("\0")
      : typeof each === "object" && Object.values(each ?? {}).some(holdsNul)
  return holdsNul(value) ? "it holds a NUL character, which a manifest may not" : undefined
}

interface Program {
  readonly program: string
  readonly args: readonly string[]
}

/** `command` and `args`; a list of both; or what older versions of Zed nest. */
function readCommand(reader: EntryReader): Program | undefined {
  const command = reader.take("command") ?? reader.take("cmd")
  const args = reader.list("args") ?? []
  if (typeof command === "string" && command !== "") return { program: command, args }
  if (Array.isArray(command) && typeof command[0] === "string") {
    const [program, ...rest] = command.map(String)
    return { program: program ?? "", args: [...rest, ...args] }
  }
  if (!isJsonObject(command) || typeof command["path"] !== "string") return undefined
  reader.adopt("env", command["env"])
  const nested: JsonValue = command["args"] ?? []
  return { program: command["path"], args: Array.isArray(nested) ? nested.map(String) : [] }
}

interface ProgramContext {
  readonly reader: EntryReader
  readonly scope: TextScope
  readonly options: ConvertOptions
}

function toProgram({ program, args }: Program, env: Record<string, string>, context: ProgramContext): TargetDraft {
  const { reader, scope, options } = context
  const given = reader.text("cwd")
  const cwd = given === undefined ? options.workspace : toFolder(given, context)
  const inheritEnv = toInherited(reader, scope)
  const variables = Object.entries(env).flatMap(([name, value]) => {
    const isAllowed = /^[^=\0]+$/.test(name) && !value.includes("\0") && !forbiddenKeys.has(name)
    if (!isAllowed) scope.note("a variable of env was left out: its name or value is one that no program can get")
    return isAllowed ? [[name, toNamed(name, value, scope, { name, isTelling: true })]] : []
  })
  const mount: JsonObject = {
    command: toText(program, scope),
    ...(args.length > 0 && { args: toArgs(args, scope) }),
    ...(variables.length > 0 && { env: Object.fromEntries(variables) as JsonObject }),
    ...(cwd !== undefined && { cwd }),
    ...(inheritEnv.length > 0 && { inheritEnv }),
  }
  return { value: { mount } }
}

function toFolder(given: string, { scope, options }: ProgramContext): string | undefined {
  const text = toText(given, scope)
  const usual = usualText(text)
  // What a variable will say cannot be looked up.
  if (usual.isOpen) return text
  const folder = options.folder(usual.text)
  if (folder === undefined) scope.note("cwd was left out: the folder does not exist here")
  return folder === undefined || text === usual.text ? folder : text
}

/** Codex: names of variables that the program gets from its parent. */
function toInherited(reader: EntryReader, scope: TextScope): string[] {
  const given = reader.take("env_vars")
  if (!Array.isArray(given)) return []
  return given.flatMap((each) => {
    const name = isJsonObject(each) ? each["name"] : each
    if (isJsonObject(each) && each["source"] === "remote") scope.note("env_vars: a variable is taken from this machine")
    return typeof name === "string" && name !== "" ? [escapeText(name)] : []
  })
}

/** A name as a glob that matches nothing else. */
function toGlob(name: string): string {
  return escapeText(name.replace(/[\\*]/g, "\\$&"))
}

function toFilters(reader: EntryReader, ignored: readonly string[] = []): JsonObject {
  const listed = (to: (text: string) => string, ...keys: string[]): string[] | undefined =>
    reader
      .list(...keys)
      ?.filter((each) => each !== "")
      .map(to)
  const excluded = listed(toGlob, "excludeTools", "disabled_tools", "disabledTools") ?? []
  const tools = filterOf(listed(toGlob, "includeTools", "enabled_tools", "enabledTools", "allowedTools"), [
    ...excluded,
    ...ignored.filter((each) => each !== "").map(escapeText),
  ])
  const tags = filterOf(listed(escapeText, "include_tags"), listed(escapeText, "exclude_tags"))
  return { ...(tools !== undefined && { tools }), ...(tags !== undefined && { tags }) }
}

function filterOf(include: string[] | undefined, exclude: string[] = []): JsonObject | undefined {
  if (include === undefined && exclude.length === 0) return undefined
  return { ...(include !== undefined && { include }), ...(exclude.length > 0 && { exclude }) }
}

function toPolicy(reader: EntryReader, { dialect }: ClientServer): JsonObject {
  const start = reader.duration("startup_timeout_sec", 1000) ?? reader.duration("startup_timeout_ms", 1)
  const call = reader.duration("tool_timeout_sec", 1000) ?? reader.timeout(dialect.client)
  const timeouts = { ...(start !== undefined && { start }), ...(call !== undefined && { call }) }
  return {
    ...(reader.flag("required") === true && { required: true }),
    ...(Object.keys(timeouts).length > 0 && { timeouts }),
  }
}
