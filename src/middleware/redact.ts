/**
 * `redact`: replaces secrets and personal data in texts that pass, both ways: by known patterns, by patterns of the
 * manifest's, by the names of members, and the manifest's own secrets. Results in which nothing is found pass as they are.
 */
import { matchesAny } from "../composition/glob.ts"
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { RedactOptions } from "../manifest/middleware/redact.ts"
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { joined, type Pieces } from "../protocol/pieces.ts"
import { defineMiddleware } from "./define.ts"
import { createDetector, type Detector } from "./redact/detectors.ts"
import { createOwnDetector, problemOf } from "./redact/ownPattern.ts"
import { changeListing } from "./texts/listing.ts"
import { surroundTexts } from "./texts/surround.ts"
import { changeData, changePayload, type TextChanger } from "./texts/walk.ts"
import type { Middleware, MiddlewareDeps, OptionsSchema } from "./types.ts"

const { redact: defaults } = middlewareDefaults

export const redact = defineMiddleware<RedactOptions>({
  name: "redact",
  options: checkedPatterns(),
  create(options, deps): Middleware {
    const { in: directions = defaults.in } = options
    const changer = createChanger(options, deps)
    const hooks = surroundTexts(
      {
        concerns: (bytes) => mayChange(bytes, changer),
        payload: (value) => changePayload(value, changer),
        data: (value) => changeData(value, changer),
      },
      directions,
    )
    if (!directions.includes("results")) return hooks
    return { ...hooks, listing: (listing) => changeListing(listing, (component) => changeWords(component, changer)) }
  },
})

/** The manifest's schema has seen the options; whether RE2 takes a pattern is known here only. */
function checkedPatterns(): OptionsSchema<RedactOptions> {
  return {
    safeParse(input) {
      // As the schema has accepted it.
      const data = input as RedactOptions
      const issues = Object.entries(data.patterns ?? {}).flatMap(([name, pattern]) => {
        const problem = problemOf(pattern)
        return problem === undefined ? [] : [{ path: ["patterns", name], message: problem }]
      })
      return issues.length === 0 ? { success: true, data } : { success: false, error: { issues } }
    },
  }
}

interface Changer extends TextChanger {
  /** Whether a result must be parsed to know: names of members count, or where a text begins. */
  readonly parses: boolean
  /** Whether there is something in a text. */
  finds(text: string): boolean
}

/** Numbers with fewer digits are no secret, and patterns for texts would find them. */
const leastNumber = 1e8

function createChanger(options: RedactOptions, { metrics, mask, server = "" }: MiddlewareDeps): Changer {
  const { detect = defaults.detect, patterns = {}, keys = [], secrets = true } = options
  const { replacement = defaults.replacement } = options
  const found = metrics.counter({
    name: "mcp_host_redact_total",
    help: "What was replaced by redact, by the name of the pattern.",
    labels: ["server", "pattern"],
  })
  const replaced = (pattern: string): string => {
    found.add(1, { server, pattern })
    return replacement.replaceAll("{name}", pattern)
  }
  const detectors: readonly Detector[] = [
    ...[...new Set(detect)].map(createDetector),
    ...Object.entries(patterns).map(([name, pattern]) => createOwnDetector(name, pattern)),
  ]
  const inText = (text: string): string => {
    const masked = secrets ? mask(text) : text
    if (masked !== text) found.add(1, { server, pattern: "secrets" })
    return detectors.reduce((rest, { name, replace }) => replace(rest, () => replaced(name)), masked)
  }
  const finds = (text: string): boolean =>
    (secrets && mask(text) !== text) || detectors.some(({ replace }) => replace(text, () => "") !== text)
  const number = (value: number): JsonValue => {
    const text = String(value)
    return Math.abs(value) >= leastNumber && finds(text) ? inText(text) : value
  }
  const isAnchored = Object.values(patterns).some((pattern) => /[$^]|\\[Az]/.test(pattern))
  if (keys.length === 0) return { parses: isAnchored, finds, text: inText, number }
  const globs = keys.map((key) => key.toLowerCase())
  const changer: Changer = {
    parses: true,
    finds,
    number,
    text: (text) => inText(withinJson(text, changer)),
    member: (key, value) => (value !== null && matchesAny(key.toLowerCase(), globs) ? replaced("keys") : undefined),
  }
  return changer
}

/** Servers give structured content as text too: a text that is JSON is changed by the names of its members. */
function withinJson(text: string, changer: TextChanger): string {
  if (!/^\s*[[{]/.test(text)) return text
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // A text like any other.
    return text
  }
  // Texts in it are looked at when it is one again.
  const { member = () => undefined } = changer
  const changed = changeData(value as JsonValue, { text: (each) => each, member })
  return changed === value ? text : JSON.stringify(changed, null, /^\s*[[{]\r?\n/.test(text) ? 2 : undefined)
}

/** Whether a result that is still bytes may be another when it is parsed. What is escaped in it can only be seen then. */
function mayChange(bytes: Pieces, changer: Changer): boolean {
  if (changer.parses) return true
  const text = joined(bytes).toString("utf8")
  return text.includes("\\") || changer.finds(text)
}

/** Members of a listed component that are words, at any depth; names, and values that servers compare, are not. */
const words: ReadonlySet<string> = new Set(["title", "description", "default", "examples", "$comment"])

function changeWords(component: JsonObject, changer: TextChanger): JsonObject {
  let copy: JsonObject | undefined
  for (const [key, value] of Object.entries(component)) {
    const changed =
      words.has(key) && !isProperty(value) ? changeData(value, { text: changer.text }) : within(value, changer)
    if (changed === value) continue
    copy ??= { ...component }
    copy[key] = changed
  }
  return copy ?? component
}

function within(value: JsonValue, changer: TextChanger): JsonValue {
  if (isJsonObject(value)) return changeWords(value, changer)
  if (!Array.isArray(value)) return value
  const items = value.map((item) => within(item, changer))
  return items.some((item, at) => item !== value[at]) ? items : value
}

/** An argument may be called `title`: then this is its schema. */
function isProperty(value: JsonValue): boolean {
  return isJsonObject(value) && ("type" in value || "$ref" in value || "anyOf" in value || "oneOf" in value)
}
