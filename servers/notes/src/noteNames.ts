/** Names of notes, and their forms as file names and URIs. Nothing else turns a client's text into a path. */
import { NoteError } from "./noteError.ts"

const scheme = "notes://"
const extension = ".md"
const maxCharacters = 100
/** File systems allow 255 bytes per name. */
const maxBytes = 240
/** Letters and digits of any script, `_`, and inside also marks, space, `.` and `-`. So: no separator, no leading dot. */
const pattern = /^[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_ .-]*[\p{L}\p{M}\p{N}_-])?$/u
/** Names Windows gives to devices, whatever the extension. */
const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i

export const nameRules =
  "letters, digits, spaces, '-', '_' and '.'; no '/' or '\\'; no dot or space at either end; at most 100 characters; without .md"

/** The name in its one canonical form. Throws a NoteError that says what a name may be. */
export function parseNoteName(given: string): string {
  const name = given.normalize("NFC")
  if (!isNoteName(name)) throw new NoteError(`${JSON.stringify(shorten(given))} is not a note name. Use ${nameRules}.`)
  return name
}

export function toFileName(name: string): string {
  return `${name}${extension}`
}

/** The note a file holds, or undefined when the file is not a note. */
export function fromFileName(file: string): string | undefined {
  const name = file.endsWith(extension) ? file.slice(0, -extension.length) : ""
  return isNoteName(name) ? name : undefined
}

export function toUri(name: string): string {
  return `${scheme}${encodeURIComponent(name)}`
}

/** The name in a note's URI, or undefined when the URI is not one of a note. */
export function fromUri(uri: string): string | undefined {
  if (!uri.startsWith(scheme)) return undefined
  try {
    const name = decodeURIComponent(uri.slice(scheme.length)).normalize("NFC")
    return isNoteName(name) ? name : undefined
  } catch {
    return undefined // Malformed percent-encoding: no note has such a URI.
  }
}

function isNoteName(name: string): boolean {
  return (
    name.length <= maxCharacters &&
    Buffer.byteLength(name) <= maxBytes &&
    name === name.normalize("NFC") &&
    pattern.test(name) &&
    !reserved.test(name) &&
    !name.toLowerCase().endsWith(extension)
  )
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`
}
