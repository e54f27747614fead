/** Every problem of a manifest in one error, each with its place, and how a terminal shows them. */
import { createRequire } from "node:module"
import { relative } from "node:path"
import type { BabelCodeFrameOptions } from "@babel/code-frame"
import picocolors from "picocolors"
import { HostError, type HostErrorCode, type SourcePlace } from "../errors.ts"

export interface Problem {
  readonly code: HostErrorCode
  /** What is wrong, what was given, what is allowed. Shows `${VAR}` as written, never its value. */
  readonly message: string
  /** The next step. */
  readonly help: string
  readonly place: SourcePlace
  readonly severity: "error"
}

/** What frames are cut from. */
interface ManifestSource {
  readonly file: string
  readonly text: string
}

/** Problems beyond this many are counted, not shown; `problems` still has them. */
const shownProblems = 50

export class ManifestError extends HostError {
  readonly problems: readonly Problem[]
  /** Private, so that a logger that walks the error does not print the files. */
  readonly #sources: readonly ManifestSource[]

  constructor(problems: readonly [Problem, ...Problem[]], sources: readonly ManifestSource[] = []) {
    const [first] = problems
    super(first.code, summaryOf(problems), { help: first.help, place: first.place })
    this.name = "ManifestError"
    this.problems = problems
    this.#sources = sources
  }

  /** For a terminal: per problem its place and message, the lines around it, and the next step. */
  format(options: { readonly color: boolean }): string {
    const colors = picocolors.createColors(options.color)
    const texts = new Map(this.#sources.map(({ file, text }) => [file, text.split("\n")]))
    const blocks = this.problems.slice(0, shownProblems).map((problem) => {
      const lines = texts.get(problem.place.file)
      // `.env` is not shown.
      const frame = lines === undefined ? [] : frameOf(lines, problem.place)
      const shown = frame.map((line) =>
        line.startsWith(">") || / \| +\^/.test(line) ? colors.red(line) : colors.dim(line),
      )
      return [colors.bold(lineOf(problem)), ...shown, `help: ${problem.help}`].join("\n")
    })
    const rest = this.problems.length - shownProblems
    return [...blocks, ...(rest > 0 ? [`… and ${rest} more problems`] : [])].join("\n\n")
  }
}

function summaryOf(problems: readonly [Problem, ...Problem[]]): string {
  if (problems.length === 1) return lineOf(problems[0])
  const shown = problems.slice(0, shownProblems).map((problem) => `  ${lineOf(problem)}`)
  const rest = problems.length - shown.length
  const more = rest > 0 ? [`  … and ${rest} more`] : []
  return [`${problems.length} problems in ${shortPath(problems[0].place.file)}:`, ...shown, ...more].join("\n")
}

function lineOf({ place, message }: Problem): string {
  return `${shortPath(place.file)}:${place.line}:${place.column}: ${message}`
}

/** Relative to the working directory when the file lies below it. */
function shortPath(file: string): string {
  const path = relative(process.cwd(), file)
  return path === "" || path.startsWith("..") ? file : path
}

const frameWidth = 160

/** The lines around a place; long lines are cut around its column, and control characters do not reach the terminal. */
function frameOf(lines: readonly string[], { line, column }: SourcePlace): string[] {
  const first = Math.max(0, line - 3)
  const cut = column > frameWidth - 40 ? column - 80 : 0
  const window = lines.slice(first, line + 2).map((text) =>
    text
      .replace(/\r$/, "")
      .slice(cut, cut + frameWidth)
      .replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\uFFFD"),
  )
  const location = { start: { line, column: column - cut } }
  // `startLine` (the number of the first line given) is missing in the types of 7.27.
  const options = { highlightCode: false, startLine: first + 1 } as BabelCodeFrameOptions
  // Loaded for a manifest with problems only: every start would pay for it.
  const { codeFrameColumns } = createRequire(import.meta.url)("@babel/code-frame") as typeof import("@babel/code-frame")
  return codeFrameColumns(window.join("\n"), location, options).split("\n")
}
