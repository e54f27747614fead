/** Reads the documentation as its tests need it: code blocks, links, and a folder to try them in. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { pino } from "pino"
import { Host } from "../../src/host/host.ts"
import { loadManifest } from "../../src/manifest/load.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { Client, Context } from "../../src/protocol/messages.ts"

export const root = path.resolve(import.meta.dirname, "../..")

export interface Page {
  /** Relative to the repository. */
  readonly file: string
  readonly text: string
}

export const pages: readonly Page[] = ["README.md", ...markdownBelow("docs"), ...markdownBelow("servers")].map(pageOf)

export function pageOf(file: string): Page {
  return { file, text: readFileSync(path.join(root, file), "utf8") }
}

function markdownBelow(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
    .map((file) => path.posix.join(folder, file.replaceAll("\\", "/")))
    .sort()
}

export interface CodeBlock {
  readonly language: string
  readonly code: string
  /** The last line of text before it. */
  readonly before: string
}

export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: language = "", 2: code = "", index }) => ({
    language,
    code,
    before: text.slice(0, index).trimEnd().split("\n").at(-1) ?? "",
  }))
}

/** The code block after a line that names a file in backticks. */
export function fileIn(text: string, name: string): string {
  const block = codeBlocks(text).find(({ before }) => before.includes(`\`${name}\``))
  if (block === undefined) throw new Error(`no code block for ${name}`)
  return block.code
}

/** The text without code blocks and inline code. */
export function prose(text: string): string {
  return text.replace(/^```\w*\n[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, "`")
}

/** A temporary folder that sees what a clone holds; `files` are written into it. */
export function cloneWith(files: Readonly<Record<string, string>>): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), "docs-"))
  for (const name of ["node_modules", "servers", "docs"]) symlinkSync(path.join(root, name), path.join(folder, name))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), text)
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface Opened {
  readonly host: Host
  request(method: string, params?: JsonObject): Promise<JsonObject>
  /** Methods of the notifications the client was sent outside calls. */
  readonly notified: string[]
  close(): Promise<void>
}

/** Serves a manifest to one client, without an endpoint in between. */
export async function open(file: string): Promise<Opened> {
  const manifest = await loadManifest(file, { env: {} })
  const host = new Host({ manifest, log: pino({ level: "silent" }), version: "0.0.0" })
  const notified: string[] = []
  const ask = async (): Promise<never> => {
    throw new Error("nobody to ask")
  }
  const client: Client = {
    key: "docs",
    leaves: true,
    unsolicited: true,
    era: "legacy",
    capabilities: {},
    info: undefined,
    notify: ({ method }) => void notified.push(method),
    ask,
  }
  const { signal } = new AbortController()
  const context: Context = { id: "docs", principal: { id: "docs" }, client, signal, notify: () => undefined, ask }
  const leave = host.connect(client)
  await host.settled()
  return {
    host,
    notified,
    request: async (method, params = {}) => (await host.handle({ method, params }, context)).value,
    close: async () => {
      leave()
      await host.close()
    },
  }
}
