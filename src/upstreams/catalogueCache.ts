/**
 * What servers showed last time, one file for each, so that the first list need not wait for them. Best effort: what
 * cannot be read or written is logged and done without. `ServerUpstream` reads its file once, at start, and writes what
 * it really listed; the host asks for the files of servers that are gone to be removed.
 */
import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import type { Listing } from "../composition/types.ts"
import { messageOf } from "../errors.ts"
import type { ServerEntry } from "../manifest/types.ts"
import { canonicalJson, isJsonObject, type JsonObject, objectAt, stringAt } from "../protocol/json.ts"
import { kinds, kindWords } from "../protocol/methods.ts"
import type { ServerLogger } from "./serverContext.ts"
import type { UpstreamInfo } from "./upstream.ts"

/** Goes up when the content of the files means something else. */
const format = 2
/** A larger file is none of ours, or of no use. */
const largestBytes = 64 * 1024 * 1024
/** Shorter texts are in every catalogue by chance. */
const shortestSecret = 8
/** A file half written for so long was left behind. */
const abandonedMs = 60_000

export interface RememberedView {
  readonly listing: Listing
  readonly info: UpstreamInfo
  /** Generation the server spoke when it showed it. */
  readonly era: string
}

export interface Remembered {
  /** Name of the catalogue shown to those whose own is not known. */
  readonly base: string
  readonly views: ReadonlyMap<string, RememberedView>
  /** The generation the server spoke to clients of each. */
  readonly spoken: ReadonlyMap<string, string>
}

export interface CatalogueFile {
  /** What was written last time; undefined when there is nothing of use. Blocks: it is read before the server starts. */
  read(): Remembered | undefined
  /** Replaces the file when it says something else. Never rejects; files of one server are written one after another. */
  write(remembered: Remembered): Promise<void>
}

export interface CatalogueCache {
  /** The file of a server, by its configuration. */
  fileOf(entry: ServerEntry, logger: ServerLogger): CatalogueFile
  /** Removes the files of this manifest that belong to no server asked for so far. Never rejects. */
  sweep(): Promise<void>
}

export interface CatalogueCacheOptions {
  readonly folder: string
  /** The manifest's file: several manifests may share a folder. */
  readonly manifest: string
  /** Of this software. */
  readonly version: string
  /** Texts that never go into a file. */
  readonly secrets: readonly string[]
  readonly logger: ServerLogger
}

export function createCatalogueCache(options: CatalogueCacheOptions): CatalogueCache {
  const owner = sha256(options.manifest).slice(0, 16)
  const names = new Set<string>()
  return {
    fileOf(entry, logger) {
      const name = `${owner}-${keyOf(entry, options)}.catalogue.json`
      names.add(name)
      return createFile(name, logger, options)
    },
    async sweep() {
      const ours = new RegExp(`^${owner}-[0-9a-f]{64}\\.catalogue\\.json(\\.\\d+\\.tmp)?$`)
      try {
        for (const name of await readdir(options.folder)) {
          const file = path.join(options.folder, name)
          if (ours.test(name) && !names.has(name) && (await isLeft(file))) await rm(file, { force: true })
        }
      } catch (error) {
        if (!isMissing(error)) options.logger.warn("old catalogues could not be removed", { reason: messageOf(error) })
      }
    },
  }
}

/** Another process may be writing to a temporary file now. */
async function isLeft(file: string): Promise<boolean> {
  return !file.endsWith(".tmp") || Date.now() - (await stat(file)).mtimeMs > abandonedMs
}

/** Everything that decides what a server shows, as a hash: values may be secrets, and the name of a file is no secret. */
function keyOf(entry: ServerEntry, { manifest, version }: CatalogueCacheOptions): string {
  const { key, target, mode, localMode, session, config } = entry
  // A target is plain data without undefined members once it has been JSON.
  const plain = JSON.parse(JSON.stringify({ key, target, mode, localMode, session, config })) as JsonObject
  return sha256(canonicalJson({ ...plain, manifest, version, format }))
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}

function createFile(name: string, logger: ServerLogger, { folder, secrets }: CatalogueCacheOptions): CatalogueFile {
  const file = path.join(folder, name)
  let current: string | undefined
  let writing = Promise.resolve()
  const replace = async (text: string): Promise<void> => {
    if (text === current) return
    const temporary = `${file}.${process.pid}.tmp`
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeFile(temporary, text, { mode: 0o600 })
      await rename(temporary, file)
      current = text
    } catch (error) {
      logger.warn("its catalogue could not be written to the cache", { file, reason: messageOf(error) })
      await rm(temporary, { force: true }).catch((cause: unknown) =>
        logger.debug("a temporary file stays", { file: temporary, reason: messageOf(cause) }),
      )
    }
  }
  return {
    read() {
      try {
        const facts = statSync(file)
        if (!facts.isFile() || facts.size > largestBytes) throw new Error("it is no file of this cache")
        const text = readFileSync(file, "utf8")
        const remembered = parse(text)
        current = text
        return remembered
      } catch (error) {
        if (!isMissing(error)) logger.warn("its cached catalogue is ignored", { file, reason: messageOf(error) })
        return undefined
      }
    },
    write(remembered) {
      const text = toText(remembered)
      if (secrets.some((secret) => secret.length >= shortestSecret && text.includes(inJson(secret)))) {
        logger.warn("its catalogue repeats a secret of the manifest, so it is not cached")
        return rm(file, { force: true }).catch((error: unknown) =>
          logger.warn("its cached catalogue could not be removed", { file, reason: messageOf(error) }),
        )
      }
      writing = writing.then(() => replace(text))
      return writing
    },
  }
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function toText({ base, views, spoken }: Remembered): string {
  const plain = [...views].map(([key, { listing, info, era }]) => {
    const { serverInfo, capabilities, instructions } = info
    return [key, { listing, info: { serverInfo, capabilities, instructions }, era }]
  })
  return JSON.stringify({ format, base, spoken: Object.fromEntries(spoken), views: Object.fromEntries(plain) })
}

/** Throws unless the text is what `toText` writes. */
function parse(text: string): Remembered {
  const content = parseJson(text)
  if (!isJsonObject(content) || content["format"] !== format) throw new Error("it has another format")
  const base = stringAt(content, "base")
  const views = Object.entries(objectAt(content, "views") ?? {}).map(([key, view]) => [key, toView(view)] as const)
  const spoken = Object.entries(objectAt(content, "spoken") ?? {})
  if (base === undefined || !views.some(([key]) => key === base)) throw new Error("it has no catalogue")
  const texts = spoken.filter((pair): pair is [string, string] => typeof pair[1] === "string")
  return { base, views: new Map(views), spoken: new Map(texts) }
}

/** The parser's own message would repeat what is in the file. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error("it is no JSON", { cause })
  }
}

function toView(view: unknown): RememberedView {
  const listing = isJsonObject(view) ? objectAt(view, "listing") : undefined
  const info = isJsonObject(view) ? objectAt(view, "info") : undefined
  const serverInfo = info && objectAt(info, "serverInfo")
  const capabilities = info && objectAt(info, "capabilities")
  const era = isJsonObject(view) ? stringAt(view, "era") : undefined
  const isListed = kinds.every((kind) => {
    const list = listing?.[kind]
    return (
      Array.isArray(list) && list.every((each) => isJsonObject(each) && typeof each[kindWords[kind].id] === "string")
    )
  })
  if (!isListed || info === undefined || serverInfo === undefined || capabilities === undefined || era === undefined)
    throw new Error("a catalogue in it is not whole")
  // Every kind was looked at above.
  const lists = listing as unknown as Listing
  return { listing: lists, info: { serverInfo, capabilities, instructions: stringAt(info, "instructions") }, era }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT"
}
