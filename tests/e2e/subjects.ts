/** Servers of the ecosystem, of this repository and of the fixtures, with what the fidelity test asks them. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { fileURLToPath } from "node:url"
// @ts-expect-error it is plain JavaScript
import createClockServer from "../../servers/clock/src/index.js"
import createFilesServer from "../../servers/files/src/index.ts"
import createNotesServer from "../../servers/notes/src/index.ts"
import createShellServer from "../../servers/shell/src/index.ts"
import { createTestContext } from "../servers/context.ts"
import { connectRaw, inMemory, overHttp, overStdio, type Raw, type RawOptions } from "./rawClient.ts"
import { closers, fixture, installed, until } from "./rig.ts"
import type { Json } from "./testClient.ts"

export type Operation = readonly [method: string, params: Json]

export interface Subject {
  /** The server entry without its key. */
  readonly entry: Json
  readonly direct: (options: RawOptions) => Promise<Raw>
  readonly operations: readonly Operation[]
  /** Restores what the operations change. */
  readonly reset?: () => Promise<void>
}

const root = fileURLToPath(new URL("../../", import.meta.url))
const call = (name: string, args?: Json): Operation => [
  "tools/call",
  { name, ...(args !== undefined && { arguments: args }) },
]
const read = (uri: string): Operation => ["resources/read", { uri }]
const prompt = (name: string, args?: Json): Operation => [
  "prompts/get",
  { name, ...(args !== undefined && { arguments: args }) },
]
const complete = (ref: Json, name: string, value: string, context?: Json): Operation => [
  "completion/complete",
  { ref, argument: { name, value }, ...(context !== undefined && { context: { arguments: context } }) },
]
const promptRef = (name: string): Json => ({ type: "ref/prompt", name })
const templateRef = (uri: string): Json => ({ type: "ref/resource", uri })

export const subjects: Readonly<Record<string, (folder: string) => Promise<Subject>>> = {
  "server-everything over stdio": async () =>
    stdio(installed("@modelcontextprotocol/server-everything"), ["stdio"], {}, everythingOperations),
  "server-everything over HTTP": async () => {
    const url = await startEverything()
    return {
      entry: { mount: { url } },
      direct: (options) => connectRaw(overHttp(url), options),
      operations: everythingOperations,
    }
  },
  "server-filesystem": async (folder) => ({
    ...stdio(installed("@modelcontextprotocol/server-filesystem"), [folder], {}, filesystemOperations(folder)),
    reset: () => fillFolder(folder),
  }),
  "server-memory": async (folder) => ({
    ...stdio(
      installed("@modelcontextprotocol/server-memory"),
      [],
      { MEMORY_FILE_PATH: path.join(folder, "memory.jsonl") },
      memoryOperations,
    ),
    reset: () => rm(path.join(folder, "memory.jsonl"), { force: true }),
  }),
  "servers/clock": async () => inProcess("clock", createClockServer, { zone: "Europe/Berlin" }, clockOperations),
  "servers/notes": async (folder) => ({
    ...inProcess("notes", createNotesServer, { dir: folder }, notesOperations),
    reset: () => fillFolder(folder),
  }),
  "servers/files": async (folder) => ({
    ...inProcess("files", createFilesServer, { roots: { docs: folder } }, filesOperations),
    reset: () => fillFolder(folder),
  }),
  "servers/shell": async (folder) => inProcess("shell", createShellServer, shellConfig(folder), shellOperations),
  "a server of version 1": async () => fixtureStdio("v1-stdio.mjs", {}, fixtureOperations),
  "a server of version 2": async () => fixtureStdio("v2-stdio.mjs", {}, fixtureOperations),
  "a server with unknown fields everywhere": async () =>
    fixtureStdio("recording.mjs", { TOOLS: "7", PAGE: "3" }, [
      call("echo", { text: "hi", nested: { deep: [1, null, "ü"] } }),
      call("tool_3"),
      call("tool_4", {}),
    ]),
}

function stdio(file: string, args: string[], env: Record<string, string>, operations: readonly Operation[]): Subject {
  const program = { command: process.execPath, args: [file, ...args], env }
  return {
    entry: { mount: program },
    direct: (options) =>
      connectRaw(overStdio({ ...program, env: { PATH: process.env["PATH"] ?? "", ...env } }), options),
    operations,
  }
}

function fixtureStdio(file: string, env: Record<string, string>, operations: readonly Operation[]): Subject {
  const { args } = fixture(file) as { args: [string] }
  return stdio(args[0], [], env, operations)
}

type Factory = (context: never) => unknown

function inProcess(name: string, factory: Factory, config: Json, operations: readonly Operation[]): Subject {
  return {
    entry: { mount: path.join(root, "servers", name), config },
    async direct(options) {
      const { context, close } = await createTestContext(config)
      closers.push(close)
      return connectRaw(inMemory(await factory(context as never)), options)
    },
    operations,
  }
}

async function startEverything(): Promise<string> {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  const file = installed("@modelcontextprotocol/server-everything")
  const env = { PATH: process.env["PATH"] ?? "", PORT: String(port) }
  const child = spawn(process.execPath, [file, "streamableHttp"], { env, stdio: "ignore" })
  const exited = once(child, "exit")
  closers.push(() => {
    child.kill("SIGKILL")
    return exited
  })
  const url = `http://127.0.0.1:${port}/mcp`
  await until("server-everything listens", () =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  )
  return url
}

async function fillFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(path.join(folder, "sub"), { recursive: true })
  await writeFile(path.join(folder, "one.md"), "# One\n\nThe first note, about bees.\n")
  await writeFile(path.join(folder, "two.md"), "# Two\n\nThe second note, about bees and ärger.\n")
  await writeFile(path.join(folder, "sub", "three.txt"), "line 1\nline 2\nline 3\n")
  await writeFile(path.join(folder, "pixel.png"), Buffer.from("iVBORw0KGgo=", "base64"))
}

const everythingOperations = [
  call("echo", { message: "hi" }),
  call("echo", {}),
  call("get-sum", { a: 2, b: 3 }),
  call("get-sum", { a: "two", b: 3 }),
  call("get-tiny-image"),
  call("get-annotated-message", { messageType: "error", includeImage: true }),
  call("get-resource-links", { count: 4 }),
  call("get-resource-reference", { resourceType: "Text", resourceId: 1 }),
  call("get-resource-reference", { resourceType: "Blob", resourceId: 2 }),
  call("get-resource-reference", { resourceType: "Nothing", resourceId: -1 }),
  call("get-structured-content", { location: "New York" }),
  call("get-structured-content", { location: "Nowhere" }),
  call("gzip-file-as-resource", { name: "a.gz", data: "data:text/plain,hi", outputType: "resource" }),
  call("gzip-file-as-resource", { name: "b.gz", data: "data:text/plain,hi", outputType: "resourceLink" }),
  read("demo://resource/session/b.gz"),
  call("trigger-long-running-operation", { duration: 0.1, steps: 2 }),
  call("simulate-research-query", { topic: "bees" }),
  call("get-roots-list"),
  call("trigger-elicitation-request"),
  call("trigger-sampling-request", { prompt: "Hello", maxTokens: 10 }),
  read("demo://resource/dynamic/text/1"),
  read("demo://resource/dynamic/blob/2"),
  read("demo://resource/dynamic/text/abc"),
  read("demo://resource/static/document/architecture.md"),
  prompt("simple-prompt"),
  prompt("args-prompt", { city: "Berlin", state: "Berlin" }),
  prompt("args-prompt", {}),
  prompt("resource-prompt", { resourceType: "Text", resourceId: "1" }),
  complete(promptRef("completable-prompt"), "department", "E"),
  complete(promptRef("completable-prompt"), "name", "", { department: "Engineering" }),
  complete(templateRef("demo://resource/dynamic/text/{resourceId}"), "resourceId", "1"),
]

const filesystemOperations = (folder: string): readonly Operation[] => {
  const at = (name: string): string => path.join(folder, name)
  return [
    call("list_allowed_directories"),
    call("list_directory", { path: folder }),
    call("list_directory_with_sizes", { path: folder }),
    call("directory_tree", { path: folder }),
    call("read_text_file", { path: at("one.md") }),
    call("read_text_file", { path: at("sub/three.txt"), head: 1 }),
    call("read_text_file", { path: at("nothing") }),
    call("read_text_file", { path: "/etc/passwd" }),
    call("read_text_file", {}),
    call("read_media_file", { path: at("pixel.png") }),
    call("read_multiple_files", { paths: [at("one.md"), at("nothing")] }),
    call("search_files", { path: folder, pattern: "**/*.txt" }),
    call("write_file", { path: at("new.txt"), content: "neu" }),
    call("edit_file", { path: at("new.txt"), edits: [{ oldText: "neu", newText: "alt" }] }),
    call("edit_file", { path: at("new.txt"), edits: [{ oldText: "absent", newText: "" }] }),
    call("move_file", { source: at("new.txt"), destination: at("moved.txt") }),
    call("get_file_info", { path: at("one.md") }),
    call("create_directory", { path: at("made") }),
  ]
}

const bees = { name: "Bees", entityType: "animal", observations: ["They hum."] }
const memoryOperations = [
  call("read_graph"),
  call("create_entities", { entities: [bees, { ...bees, name: "Flowers", entityType: "plant" }] }),
  call("create_relations", { relations: [{ from: "Bees", to: "Flowers", relationType: "visit" }] }),
  call("add_observations", { observations: [{ entityName: "Bees", contents: ["They dance."] }] }),
  call("add_observations", { observations: [{ entityName: "Nobody", contents: ["?"] }] }),
  call("search_nodes", { query: "dance" }),
  call("open_nodes", { names: ["Flowers"] }),
  call("open_nodes", { names: "Flowers" }),
  call("delete_observations", { deletions: [{ entityName: "Bees", observations: ["They hum."] }] }),
  call("delete_entities", { entityNames: ["Flowers"] }),
  call("read_graph"),
]

const clockOperations = [
  call("now"),
  call("now", { zone: "Europe/Berln" }),
  call("convert", { time: "2026-03-29T14:30", from: "Europe/Berlin", to: ["America/New_York", "Asia/Tokyo"] }),
  call("convert", { time: "2026-03-29T02:30", from: "Europe/Berlin", to: ["UTC"] }),
  call("convert", { time: "never", to: ["UTC"] }),
  call("diff", { start: "2026-01-01", end: "2026-03-01" }),
  call("zones", { query: "ber", limit: 3 }),
  read("clock://zones"),
  read("clock://now/Europe/Berlin"),
  read("clock://now/Nowhere"),
  prompt("plan_meeting", { zones: "Europe/Berlin,Asia/Tokyo", date: "tomorrow" }),
  prompt("plan_meeting", { zones: "Nowhere" }),
  complete(promptRef("plan_meeting"), "zones", "Europe/Ber"),
  complete(templateRef("clock://now/{+zone}"), "zone", "Tok"),
]

const notesOperations = [
  call("list"),
  call("search", { query: "bees" }),
  call("search", {}),
  call("read", { name: "one" }),
  call("read", { name: "nothing" }),
  call("write", { name: "Shopping list", text: "- milk\n" }),
  call("append", { name: "Shopping list", text: "- honey" }),
  call("write", { name: "one", text: "x", ifMatch: "wrong" }),
  call("read", { name: "Shopping list" }),
  read("notes://one"),
  read("notes://Shopping%20list"),
  read("notes://nothing"),
  prompt("summarize", { name: "two", style: "short" }),
  prompt("summarize", {}),
  complete(promptRef("summarize"), "name", "t"),
  complete(templateRef("notes://{name}"), "name", "o"),
  call("delete", { name: "Shopping list" }),
]

const filesOperations = [
  call("list", {}),
  call("list", { path: "docs", depth: 2 }),
  call("info", { path: "docs/one.md" }),
  call("read", { path: "docs/one.md" }),
  call("read", { path: "docs/pixel.png" }),
  call("read", { path: "docs/../../etc/passwd" }),
  call("search", { text: "bees" }),
  call("search", { path: "docs", name: "*.txt" }),
  call("write", { path: "docs/new.txt", text: "neu" }),
  call("write", { path: "docs/new.txt", text: "neu" }),
  call("move", { from: "docs/new.txt", to: "docs/moved.txt" }),
  call("move", {}),
  read("files://docs/one.md"),
  read("files://docs/sub/three.txt"),
  read("files://docs/nothing"),
  complete(templateRef("files://{root}/{+path}"), "root", "d"),
  complete(templateRef("files://{root}/{+path}"), "path", "o", { root: "docs" }),
]

const shellConfig = (folder: string): Json => ({
  commands: {
    print: {
      run: process.execPath,
      description: "Prints.",
      args: ["-p", "process.argv.at(-1)", "--", { name: "text", description: "What", pattern: "[\\w ]+" }],
      cwd: folder,
      tags: ["read"],
      readOnly: true,
    },
    fail: { run: process.execPath, description: "Fails.", args: ["-e", "process.exit(3)"], cwd: folder },
  },
})

const shellOperations = [
  call("list_commands"),
  call("print", { text: "hello world" }),
  call("print", { text: "$(id)" }),
  call("print", {}),
  call("fail"),
]

const fixtureOperations = [
  call("echo", { text: "hi" }),
  call("echo", {}),
  call("add", { a: 1, b: 2 }),
  call("fail"),
  call("boom"),
  call("link"),
  call("widget"),
  call("ask", { question: "Why?" }),
  call("askTwice"),
  call("sample"),
  call("roots"),
  ...["test://a", "test://blob", "file:///tmp/fixture.txt", "urn:isbn:123"].map(read),
  ...["https://example.com/doc", "ui://fixture/widget", "test://items/7", "test://items/missing"].map(read),
  prompt("greet", { name: "Ada" }),
  prompt("greet", {}),
  complete(promptRef("greet"), "name", "A"),
  complete(templateRef("test://items/{id}"), "id", "1"),
]
