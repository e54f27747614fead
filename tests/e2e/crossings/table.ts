/** The table of docs/protocol-support.md, made from the list of features. */
import { type Crossing, crossings } from "./cell.ts"
import { type Feature, features, type Mark } from "./features.ts"
import { type Note, notes } from "./notes.ts"

const begin = "<!-- generated:crossings -->"
const end = "<!-- /generated:crossings -->"

/** The table and its footnotes, numbered as they come. */
export function crossingTable(rows: readonly Feature[] = features): string {
  const used: Note[] = []
  const numberOf = (note: Note): number => {
    if (!used.includes(note)) used.push(note)
    return used.indexOf(note) + 1
  }
  const cell = (mark: Mark): string => (typeof mark === "string" ? mark : `${mark[0]} <sup>${numberOf(mark[1])}</sup>`)
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`
  const lines = [
    line(["Feature", ...crossings.map((crossing: Crossing) => crossing.replace("→", " → "))]),
    line(["---", ...crossings.map(() => ":-:")]),
    ...rows.map(({ title, marks }) => line([title, ...crossings.map((crossing) => cell(marks[crossing]))])),
  ]
  const foot = used.map((note, index) => `${index + 1}. ${notes[note]}`)
  return [...lines, "", ...foot].join("\n")
}

/** The page with its generated part as the list says. */
export function withTable(page: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to === -1) throw new Error("docs/protocol-support.md has no part generated:crossings")
  return `${page.slice(0, from + begin.length)}\n\n${crossingTable()}\n\n${page.slice(to)}`
}
