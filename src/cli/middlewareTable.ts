/** The table of the host's own middleware in `docs/middleware.md`, made of the schema. Written by `npm run generate`. */
import { facts } from "../manifest/fields.ts"
import { builtinNames, builtinOptions } from "../manifest/middleware/schema.ts"

const begin = "<!-- generated: the table of built-in middleware -->"
const end = "<!-- end -->"

/** The page with its table made anew. `hasPage`: whether a middleware has a page of its own to link. */
export function withMiddlewareTable(page: string, hasPage: (name: string) => boolean): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`docs/middleware.md must have a line ${begin} and, after it, ${end}`)
  const rows = builtinNames.map((name) => {
    const shown = hasPage(name) ? `[\`${name}\`](middleware/${name}.md)` : `\`${name}\``
    return `| ${shown} | ${facts.get(builtinOptions[name])?.description ?? ""} |`
  })
  const table = ["| Name | |", "|---|---|", ...rows].join("\n")
  return `${page.slice(0, from)}${begin}\n\n${table}\n\n${page.slice(to)}`
}
