/** Writes `docs/manifest.md`: hand-written sections from `referenceText.ts`, and every key from the schema. */
import { isJsonObject, type JsonObject, type JsonValue, objectAt, objectsAt, stringAt } from "../protocol/json.ts"
import { durationPattern } from "./durations.ts"
import { plainJsonSchema } from "./jsonSchema.ts"
import { exampleManifest, introduction, keysIntroduction } from "./referenceText.ts"
import { sizePattern } from "./sizes.ts"

interface Row {
  readonly path: string
  readonly schema: JsonObject
  readonly required: boolean
}

export function manifestReference(): string {
  const properties = objectAt(plainJsonSchema(), "properties") ?? {}
  const sections = Object.entries(properties).map(([key, schema]) => section(key, schema as JsonObject))
  return [
    introduction,
    `## A full example\n\n\`\`\`yaml\n${exampleManifest}\`\`\``,
    keysIntroduction,
    ...sections,
    "",
  ].join("\n\n")
}

function section(key: string, schema: JsonObject): string {
  const entries = objectAt(schema, "additionalProperties")
  const rows = entries === undefined ? [...rowsOf(schema, key), ...below(schema, key)] : rowsOf(entries, `${key}.<key>`)
  const words = [stringAt(schema, "description"), entries && stringAt(entries, "description")].filter(Boolean)
  return [`### \`${key}\``, words.join(" "), table(rows)].join("\n\n")
}

/** A row for each key at and below a mapping, outer ones first. */
function rowsOf(schema: JsonObject, path: string): Row[] {
  const needed = Array.isArray(schema["required"]) ? schema["required"] : []
  return Object.entries(objectAt(schema, "properties") ?? {}).flatMap(([key, member]) => {
    if (!isJsonObject(member)) return []
    const at = `${path}.${key}`
    return [{ path: at, schema: member, required: needed.includes(key) }, ...below(member, at)]
  })
}

function below(schema: JsonObject, path: string): Row[] {
  const items = objectAt(schema, "items")
  if (items !== undefined) {
    // The same list as the manifest's own: shown once.
    const forms = path.startsWith("servers.") ? [] : objectsAt(items, "anyOf")
    return [items, ...forms].flatMap((form) => rowsOf(form, `${path}[]`))
  }
  const named = objectAt(schema, "additionalProperties")
  if (named?.["properties"] !== undefined) return rowsOf(named, `${path}.<key>`)
  // `import` and `mount` take the same forms: shown once.
  if (path.endsWith(".import")) return []
  const forms = objectsAt(schema, "anyOf").flatMap((form) => rowsOf(form, path))
  const seen = new Set<string>()
  const once = forms.filter((row) => !seen.has(row.path) && seen.add(row.path))
  return [...rowsOf(schema, path), ...once.map((row) => ({ ...row, required: false }))]
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ path, schema, required }) => {
    const cells = [
      `\`${path}\``,
      typeOf(schema),
      defaultOf(schema, required),
      stringAt(schema, "description") ?? "",
      exampleOf(schema),
    ]
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  })
  return ["| Key | Type | Default | Meaning | Example |", "|---|---|---|---|---|", ...lines].join("\n")
}

function typeOf(schema: JsonObject): string {
  const values = schema["enum"]
  if (Array.isArray(values))
    return values
      .map((value) => code(value))
      .join(" \\| ")
      .replaceAll("\\|", "|")
  if (schema["type"] === undefined && schema["enum"] === undefined && schema["anyOf"] === undefined) return "any value"
  const [first] = objectsAt(schema, "anyOf")
  if (first?.["enum"] !== undefined) return `${typeOf(first)}, or a list`
  if (schema["anyOf"] !== undefined) return "path, package, URL or mapping"
  if (schema["type"] === "integer") return `whole number, ${schema["minimum"]}–${schema["maximum"]}`
  if (schema["type"] === "number") return `number, ${schema["minimum"]}–${schema["maximum"]}`
  if (schema["type"] === "boolean") return "`true` | `false`"
  if (schema["pattern"] === durationPattern.source) return "duration"
  if (schema["pattern"] === sizePattern.source) return "size"
  if (schema["type"] === "array") return "list"
  if (schema["type"] === "object") return "mapping"
  return "text"
}

function defaultOf(schema: JsonObject, required: boolean): string {
  if (required) return "required"
  const { default: value, absent } = schema
  return value === undefined ? (typeof absent === "string" ? absent : "–") : code(value)
}

function exampleOf(schema: JsonObject): string {
  const { examples } = schema
  return Array.isArray(examples) ? examples.map((example) => code(example)).join(", ") : ""
}

/** A value as YAML's flow style writes it; JSON is YAML, and plain words need no quotes. */
function code(value: JsonValue): string {
  return `\`${typeof value === "string" && value !== "" && value !== "-" ? value : JSON.stringify(value)}\``
}
