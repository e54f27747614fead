/**
 * One pass over the bytes of a JSON object, without building anything: where it ends, and whether it holds something
 * the host has to change. It follows strings and brackets only: what it accepts is one object for sure, so that nothing
 * of it can pass for part of the envelope it is put into; a value inside may still be malformed. Every large answer
 * passes here, so scanObject.wat looks at 64 bytes at a time; this file hands it the bytes.
 */

import type { Pieces } from "../protocol/pieces.ts"
import { scanModule } from "./scanModule.ts"

export interface ObjectScan {
  /** Index after the object. */
  readonly end: number
  /** True when a URI or the id of a task may stand where clients must see it in another form. Says yes rather than no. */
  readonly mayHoldUris: boolean
  /** True when `_meta` or `resultType` may be members of the object itself. Says yes rather than no. */
  readonly mayHaveMeta: boolean
}

/** Types, keys and members beside which the host rewrites URIs, and the one that holds the id of a task. */
const uriWords = [
  "resource",
  "resource_link",
  "resourceUri",
  "ui/resourceUri",
  "openai/outputTemplate",
  "inputRequests",
  "taskId",
]
const metaWords = ["_meta", "resultType"]

/** Kinds of words, one bit for each. */
const uriKind = 1
const metaKind = 2

/**
 * Scans the object that begins at `start`; undefined when it has no end, its brackets do not match, it nests deeper than
 * `maxDepth`, or it has a backslash outside of strings or a raw control character inside one.
 */
export function scanObject(pieces: Pieces, start: number, maxDepth: number): ObjectScan | undefined {
  scanner ??= createScanner()
  const { memory, window, brackets } = scanner
  scanner.begin(Math.min(maxDepth, memory.length - brackets.value - 1))
  const most = brackets.value - window.value
  /** Bytes of pieces that were in windows before, and in this one. */
  let scanned = start
  let filled = 0
  let skip = start
  for (const piece of pieces) {
    for (let from = Math.min(skip, piece.length); from < piece.length; ) {
      const copied = piece.copy(memory, window.value + filled, from, Math.min(from + most - filled, piece.length))
      from += copied
      filled += copied
      if (filled < most) break
      const end = scanner.scan(most)
      if (end !== 0) return found(scanner, end, scanned)
      scanned += most
      filled = 0
    }
    skip = Math.max(0, skip - piece.length)
  }
  if (filled === 0) return undefined
  const length = Math.ceil(filled / 64) * 64
  // Spaces are nothing outside of strings, and a string that the bytes leave open has no end.
  memory.fill(32, window.value + filled, window.value + length)
  return found(scanner, scanner.scan(length), scanned)
}

/** What a scan says that ended at index `end` of its window; `before` is the index of the window. */
function found({ found, foundAtTop }: Scanner, end: number, before: number): ObjectScan | undefined {
  if (end <= 0) return undefined
  const mayHaveMeta = (foundAtTop.value & metaKind) !== 0
  return { end: before + end, mayHoldUris: (found.value & uriKind) !== 0, mayHaveMeta }
}

/** What scanObject.wat exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  /** Address of the bytes to scan. */
  readonly window: { readonly value: number }
  /** Address after them; from here to the end of the memory, the open brackets are kept. */
  readonly brackets: { readonly value: number }
  /** Forgets what was scanned before. */
  readonly begin: (maxDepth: number) => void
  /** Scans what is in the window; gives the index after the object, 0 when the object goes on, -1 when it is none. */
  readonly scan: (length: number) => number
  /** Kinds of the words found so far. */
  readonly found: { readonly value: number }
  /** Kinds of those found in the object itself. */
  readonly foundAtTop: { readonly value: number }
}

type Scanner = Omit<Exports, "memory"> & { readonly memory: Uint8Array }

/** One for all: a scan ends before the next begins. */
let scanner: Scanner | undefined

/** As much as is used here: the types of Node 20 lack it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Exports }
}

/** Compiles the module and writes the words into its memory, as scanObject.wat lays it out. */
function createScanner(): Scanner {
  const words = [...uriWords, ...metaWords]
  const lengths = words.reduce((bits, { length }) => bits | (1 << length), 0)
  // A word can be written in escapes, at six characters for one.
  const longestDisguise = 6 * Math.max(...words.map(({ length }) => length))
  const module = new WebAssembly.Module(Buffer.from(scanModule, "base64"))
  const { exports } = new WebAssembly.Instance(module, { words: { lengths, longestDisguise } })
  const memory = new Uint8Array(exports.memory.buffer)
  for (const [index, word] of words.entries()) {
    const letter = word.charCodeAt(0)
    memory[letter & 15] = (memory[letter & 15] as number) | (1 << (letter >> 4))
    const entry = 16 + 32 * index
    memory.set(Buffer.from(word), entry)
    memory[entry + 30] = word.length
    memory[entry + 31] = uriWords.includes(word) ? uriKind : metaKind
  }
  return { ...exports, memory }
}
