/**
 * Checks an audit log: every line's own hash, its place in the chain over all files, and the end that the head tells of.
 * Stops at the first break. Called by `mcp-host audit verify`; the log may be written meanwhile.
 */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { isJsonObject, type JsonObject } from "../../protocol/json.ts"
import { hasCode } from "../../storage/errors.ts"
import { filesOf, type LogFile } from "./files.ts"
import { type HeadReading, headOf, readHead } from "./head.ts"
import { type AuditKey, isEvent, keyIdOf, type Line, noHash, parseLine } from "./line.ts"

/** Times a log is read again that changed files while it was read. */
const maxAttempts = 5

export interface Break {
  readonly file: string
  readonly line: number
  readonly reason: string
}

export interface VerifiedFile {
  readonly file: string
  readonly lines: number
  /** Numbers of its first and last line; undefined for a file without any. */
  readonly first?: number
  readonly last?: number
}

export interface Verified {
  readonly files: readonly VerifiedFile[]
  readonly lines: number
  /** Requests among them. */
  readonly requests: number
  /** Time of the first and the last line. */
  readonly from?: string
  readonly to?: string
  /** Whether every line needs the key to be made. */
  readonly keyed: boolean
  readonly broken?: Break
  /** What is no break, and worth knowing. */
  readonly notes: readonly string[]
}

export async function verifyLog(file: string, keys: readonly AuditKey[]): Promise<Verified> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await filesOf(file)
    // First: it is behind the lines, never ahead.
    const head = await readHead(file, (id) => keys.find((key) => key.id === id))
    const verified = await new Verifier(file, { keys, head }).run(before)
    if (verified.broken === undefined || attempt === maxAttempts || isSame(before, await filesOf(file))) return verified
  }
}

function isSame(one: readonly LogFile[], other: readonly LogFile[]): boolean {
  return one.map(({ path }) => path).join("\n") === other.map(({ path }) => path).join("\n")
}

const noLine = "this is no line of an audit log"

/** Lines that fit nothing, until the next that does says what they are. */
interface Rest {
  readonly file: string
  readonly line: number
  readonly parts: Buffer[]
  readonly reason: string
}

class Verifier {
  readonly #file: string
  readonly #keys: readonly AuditKey[]
  readonly #head: HeadReading
  readonly #files: { file: string; lines: number; first?: number; last?: number }[] = []
  readonly #notes: string[] = []
  #lines = 0
  #requests = 0
  #last: Line | undefined
  #rest: Rest | undefined
  #from: string | undefined
  #to: string | undefined
  /** The key of the file that is read; null before its first line. */
  #key: AuditKey | undefined | null = null
  #keyed: boolean | undefined

  constructor(file: string, { keys, head }: { readonly keys: readonly AuditKey[]; readonly head: HeadReading }) {
    this.#file = file
    this.#keys = keys
    this.#head = head
  }

  async run(files: readonly LogFile[]): Promise<Verified> {
    const broken = (await this.#readAll(files)) ?? this.#end()
    const [from, to] = [this.#from, this.#to]
    return {
      files: this.#files,
      lines: this.#lines,
      requests: this.#requests,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      keyed: this.#keyed ?? false,
      ...(broken !== undefined && { broken }),
      notes: this.#notes,
    }
  }

  async #readAll(files: readonly LogFile[]): Promise<Break | undefined> {
    for (const { path } of files) {
      this.#key = null
      const facts = { file: path, lines: 0 }
      this.#files.push(facts)
      let number = 0
      for await (const bytes of linesIn(path)) {
        number += 1
        const broken = this.#line(bytes, { file: path, line: number })
        if (broken !== undefined) return broken
      }
    }
    return undefined
  }

  #line(bytes: Buffer, at: { readonly file: string; readonly line: number }): Break | undefined {
    const text = bytes.toString("utf8")
    const refused = this.#takeKey(text)
    if (refused !== undefined) return { ...at, reason: refused }
    const line = this.#key === null ? undefined : parseLine(text, this.#key)
    if (line === undefined || line.fits !== true) {
      const reason = line === undefined ? noLine : "the line was changed: its hash does not fit"
      this.#rest ??= { ...at, parts: [], reason }
      this.#rest.parts.push(bytes)
      return undefined
    }
    const reason = this.#unsealed(line)
    if (reason !== undefined && this.#rest !== undefined)
      return { file: this.#rest.file, line: this.#rest.line, reason }
    const misplaced = this.#misplaced(line) ?? gapIn(line)
    if (misplaced !== undefined) return { ...at, reason: misplaced }
    this.#rest = undefined
    this.#count(line)
    return undefined
  }

  /** An `open` line says which key it and those after it are made with. Why it must not, if so. */
  #takeKey(text: string): string | undefined {
    if (!text.includes('"event":"open"')) return undefined
    const line = parseLine(text, null)
    if (line === undefined || !isEvent(line.value, "open")) return undefined
    const id = keyIdOf(line)
    const key = this.#keys.find((each) => each.id === id)
    // What does not fit is found like any other line.
    if (parseLine(text, key)?.fits !== true && (id === undefined || key !== undefined)) return undefined
    if (id !== undefined && key === undefined)
      return `the lines from here on are made with the key ${id}, which was not given`
    if (id === undefined && this.#keyed === true)
      return "the lines from here on are made without a key, those before with one"
    if (id !== undefined && this.#keyed === false)
      this.#notes.push("the first files were made without a key: what comes after them shows whether they were changed")
    this.#keyed = id !== undefined
    this.#key = key
    return undefined
  }

  /** Why what is before this line is not what it says it is. */
  #unsealed({ value }: Line): string | undefined {
    if (this.#rest === undefined) return undefined
    const { parts, reason } = this.#rest
    const bytes = Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from("\n"), part])))
    const isSealed = (name: string): boolean => {
      const seal = value["event"] === "open" ? value[name] : undefined
      return isJsonObject(seal) && seal["bytes"] === bytes.length && seal["sha256"] === sha256(bytes)
    }
    if (isSealed("torn")) {
      this.#notes.push(
        `${this.#rest.file}:${this.#rest.line}: a killed process left ${bytes.length} bytes, sealed by the next`,
      )
      return undefined
    }
    return isSealed("damaged") ? `${reason}; the host found it so at ${String(value["time"])}` : reason
  }

  #misplaced({ seq, prev }: Line): string | undefined {
    const last = this.#last
    if (last === undefined) {
      if (seq === 1) return prev === noHash ? undefined : "the first line must follow none"
      this.#notes.push(`it begins with line ${seq}: older files were removed`)
      return undefined
    }
    if (seq === last.seq + 1) return prev === last.hash ? undefined : "the line does not follow the one before it"
    if (seq <= last.seq) return `line ${seq} comes after line ${last.seq}: it was moved or repeated`
    return seq === last.seq + 2
      ? `line ${seq - 1} is missing before it`
      : `lines ${last.seq + 1} to ${seq - 1} are missing before it`
  }

  #count(line: Line): void {
    const { seq, value } = line
    const facts = this.#files.at(-1)
    if (facts !== undefined) {
      facts.lines += 1
      facts.first ??= seq
      facts.last = seq
    }
    this.#lines += 1
    if ("method" in value) this.#requests += 1
    if (isEvent(value, "dropped")) this.#notes.push(`line ${seq}: ${String(value["count"])} lines could not be written`)
    const time = String(value["time"])
    this.#from ??= time
    this.#to = time
    this.#checkHead(line)
    this.#last = line
  }

  #headHash: string | undefined

  #checkHead({ seq, hash }: Line): void {
    if ("head" in this.#head && this.#head.head.seq === seq) this.#headHash = hash
  }

  /** What is wrong at the end, where only the head can tell. */
  #end(): Break | undefined {
    const { file, line } = this.#endPlace()
    const name = headOf(this.#file)
    if (this.#rest !== undefined) {
      const { reason, parts, ...at } = this.#rest
      // Only a kill leaves a last line that is none.
      if (at.file !== file || parts.length > 1 || reason !== noLine) return { ...at, reason }
      this.#notes.push(`${at.file}:${at.line}: the last line is not whole; the host seals it when it starts next`)
    }
    if ("problem" in this.#head)
      return {
        file: name,
        line: 1,
        reason: `the head file is ${this.#head.problem}, so nobody can tell whether lines are missing at the end`,
      }
    const { head, fits } = this.#head
    if (this.#keys.length > 0 && this.#keyed !== true)
      return { file, line, reason: "the lines are made without a key, although one is given" }
    if (fits === undefined)
      return { file: name, line: 1, reason: `the head is made with the key ${head.key}, which was not given` }
    if (!fits || (head.key === undefined && this.#keyed === true))
      return { file: name, line: 1, reason: "the head was changed" }
    const last = this.#last?.seq ?? 0
    if (head.seq > last) return { file, line, reason: `lines ${last + 1} to ${head.seq} are missing at the end` }
    const first = this.#files.find((each) => each.first !== undefined)?.first ?? 1
    if (first > head.first)
      return {
        file: this.#files[0]?.file ?? file,
        line: 1,
        reason: `lines ${head.first} to ${first - 1} are missing at the beginning`,
      }
    if (head.seq >= first && this.#headHash !== head.hash)
      return { file: name, line: 1, reason: `line ${head.seq} is another than the head tells of` }
    return undefined
  }

  #endPlace(): { file: string; line: number } {
    const { file, lines } = this.#files.at(-1) ?? { file: this.#file, lines: 1 }
    return { file, line: Math.max(1, lines) }
  }
}

/** Lines that the host missed when it opened the log. */
function gapIn({ seq, value }: Line): string | undefined {
  const gap = value["event"] === "open" ? value["gap"] : undefined
  if (!isJsonObject(gap)) return undefined
  const at = `when the host opened the log at ${String(value["time"])}`
  return typeof gap["seq"] === "number"
    ? `the lines up to ${gap["seq"]} that the head told of were not there ${at}; this is line ${seq}`
    : `${String(gap["head"] satisfies JsonObject[string] | undefined)} ${at}`
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}

/** Lines without their line breaks; the last may have had none. */
async function* linesIn(file: string): AsyncGenerator<Buffer> {
  let before: Buffer[] = []
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
      let start = 0
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        yield before.length === 0 ? chunk.subarray(start, at) : Buffer.concat([...before, chunk.subarray(start, at)])
        before = []
        start = at + 1
      }
      if (start < chunk.length) before.push(chunk.subarray(start))
    }
  } catch (error) {
    // It was renamed since it was listed.
    if (!hasCode(error, "ENOENT")) throw error
  }
  if (before.length > 0) yield Buffer.concat(before)
}
