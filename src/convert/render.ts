/** Writes a converted manifest as YAML: first what has to be set, then each server with its notes. */
import { stringify } from "yaml"
import type { JsonObject } from "../protocol/json.ts"
import type { ClientFile, Draft, Variable } from "./types.ts"

export interface Rendered {
  readonly files: readonly ClientFile[]
  readonly drafts: readonly Draft[]
  readonly variables: readonly Variable[]
  readonly notes: readonly string[]
}

export function renderManifest({ files, drafts, variables, notes }: Rendered): string {
  const head = [
    ...comment(`Converted from ${files.map(({ name }) => name).join(", ")}.`),
    ...variableLines(variables),
    ...(notes.length === 0 ? [] : ["#", "# Not carried over:"]),
    ...notes.flatMap((note) => comment(`- ${note}`)),
  ]
  const blocks = drafts.map(serverLines)
  const isEmpty = drafts.every(({ inactive }) => inactive !== undefined)
  return `${[...head, "", isEmpty ? "servers: {}" : "servers:", ...blocks.map((lines) => lines.map(indented).join("\n"))].join("\n")}\n`
}

function variableLines(variables: readonly Variable[]): string[] {
  if (variables.length === 0) return []
  const lines = variables.flatMap(({ name, from, isSecret, description }) => [
    ...comment(`  ${name}${description === undefined ? "" : `  (${description})`}`),
    ...from.flatMap((place) => comment(`    ${isSecret ? "its value is in" : "used by"} ${place}`)),
  ])
  return ["#", "# Set these variables in the environment, or in a file .env beside this one:", ...lines]
}

function serverLines({ key, from, value, notes, inactive }: Draft): string[] {
  const notesLines = [...comment(`from ${from}`), ...notes.flatMap((note) => comment(`note: ${note}`))]
  const lines = toYaml({ [key]: value })
  if (inactive === undefined) return [...notesLines, ...lines]
  return [...notesLines, ...comment(`left out: ${inactive}`), ...lines.map((line) => `# ${line}`)]
}

/** Values come from files of others: no line of them may end a comment or be taken for another scalar. */
function toYaml(value: JsonObject): string[] {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, version: "1.2" }).trimEnd().split("\n")
}

function comment(text: string): string[] {
  return [`# ${text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")}`.trimEnd()]
}

function indented(line: string): string {
  return line === "" ? "" : `  ${line}`
}
