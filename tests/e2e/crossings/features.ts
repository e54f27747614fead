/**
 * What must work between clients and servers of both generations: one row each, with the function that proves it in every
 * cell. `npm run protocol-support` runs them and writes the table of docs/protocol-support.md from this list.
 */
import * as calls from "./calls.ts"
import type { Cell, Crossing } from "./cell.ts"
import type { Note } from "./notes.ts"
import * as questions from "./questions.ts"
import { legacyTasks, taskExtension } from "./tasks.ts"

/** Works as both sides know it; the same with a remark; or does not exist, and why. */
export type Mark = "✓" | readonly ["✓" | "–", Note]

export interface Feature {
  readonly title: string
  readonly check: (cell: Cell) => Promise<void>
  readonly marks: Readonly<Record<Crossing, Mark>>
}

/** Marks in the order client→server: legacy→legacy, legacy→modern, modern→legacy, modern→modern. */
function row(title: string, check: Feature["check"], marks: readonly [Mark, Mark, Mark, Mark] = everywhere): Feature {
  const [one, two, three, four] = marks
  return {
    title,
    check,
    marks: { "legacy→legacy": one, "legacy→modern": two, "modern→legacy": three, "modern→modern": four },
  }
}

const everywhere = ["✓", "✓", "✓", "✓"] as const
const translated = (note: Note) => ["✓", ["✓", note], ["✓", note], "✓"] as const
const asked = translated("questions")
const pages = translated("urlIds")

const accepted = { action: "accept", content: { answer: "yes" } }

export const features: readonly Feature[] = [
  row("Tools: call, tool error, unknown name", calls.call),
  row("Structured output, objects", calls.structuredObject),
  row("Structured output, other JSON", calls.structuredOther, [
    ["–", "objects"],
    ["✓", "wrapped"],
    ["–", "objects"],
    "✓",
  ]),
  row("Prompts", calls.prompts),
  row("Resources and templates", calls.resources),
  row("Completion", calls.completion),
  row("Pagination", calls.pagination),
  row("MCP Apps (`io.modelcontextprotocol/ui`)", calls.apps),
  row("Progress", calls.progress),
  row("Cancellation", calls.cancel),
  row("Logging", calls.log, translated("logging")),
  row("Resource subscriptions", calls.subscribe, translated("listen")),
  row("`list_changed`", calls.listChanged, translated("listen")),
  row("Elicitation, form: accept", questions.form(accepted), asked),
  row("Elicitation, form: decline", questions.form({ action: "decline" }), asked),
  row("Elicitation, form: cancel", questions.form({ action: "cancel" }), asked),
  row("Elicitation, several rounds", questions.twoRounds, asked),
  row("Elicitation, URL: accept", questions.url({ action: "accept" }), pages),
  row("Elicitation, URL: decline", questions.url({ action: "decline" }), pages),
  row("Elicitation, URL: cancel", questions.url({ action: "cancel" }), pages),
  row("Elicitation, URL: completion notice", questions.urlComplete, [
    "✓",
    ["–", "urlComplete"],
    ["–", "urlComplete"],
    ["–", "urlComplete"],
  ]),
  row("Elicitation, URL: required by error -32042", questions.urlRequired, [
    "✓",
    ["–", "urlError"],
    ["✓", "urlErrorAsked"],
    ["–", "urlError"],
  ]),
  row("Sampling", questions.sampling, asked),
  row("Sampling with tools", questions.samplingTools, asked),
  row("Roots", questions.roots, asked),
  row("Tasks of 2025-11-25", legacyTasks, ["✓", ["–", "tasksGone"], ["–", "tasksPolled"], ["–", "tasksNone"]]),
  row("Tasks extension (`io.modelcontextprotocol/tasks`)", taskExtension, [
    ["–", "extensionNone"],
    ["–", "extensionUndeclared"],
    ["–", "extensionLegacy"],
    "✓",
  ]),
]
