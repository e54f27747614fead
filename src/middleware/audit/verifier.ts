/** One reading of an audit log, line by line, up to the first break. Made by `verify.ts`. */
import { createHash } from "node:crypto"
import { isJsonObject, type JsonObject } from "../../protocol/json.ts"
import { type HeadReading, headOf } from "./head.ts"
import { type AuditKey, isEvent, keyIdOf, type Line, noHash, parseLine } from "./line.ts"
import { type OpenedFile, openedFiles } from "./lineReader.ts"
import type { Break, Verified, VerifyOptions } from "./verify.ts"

const noLine = "this is no line of an audit log"

/** Lines that fit nothing, until the next that does says what they are. */
interface Rest {
  readonly file: string
  readonly line: number
  readonly parts: Buffer[]
  readonly reason: string
}

export interface VerifierOptions extends Required<VerifyOptions> {
  readonly keys: readonly AuditKey[]
  readonly head: HeadReading
}

export class Verifier {
  readonly #file: string
  readonly #keys: readonly AuditKey[]
  readonly #head: HeadReading
  readonly #mayBeginWithoutKey: boolean
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

  constructor(file: string, { keys, head, mayBeginWithoutKey }: VerifierOptions) {
    this.#file = file
    this.#keys = keys
    this.#head = head
    this.#mayBeginWithoutKey = mayBeginWithoutKey
  }

  async run(): Promise<Verified> {
    const broken = (await this.#readAll(openedFiles(this.#file))) ?? this.#end()
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

  async #readAll(files: AsyncIterable<OpenedFile>): Promise<Break | undefined> {
    for await (const { path, lines } of files) {
      this.#key = null
      this.#files.push({ file: path, lines: 0 })
      let number = 0
      for await (const bytes of lines) {
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
    if (id === undefined && this.#keys.length > 0) {
      if (!this.#mayBeginWithoutKey) return "the lines from here on are made without a key, although one is given"
      if (this.#keyed === undefined) this.#notes.push("the first files were made without a key")
    }
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
    if (this.#keys.length > 0 && this.#keyed === false)
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
