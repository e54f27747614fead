import { readFileSync } from "node:fs"
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/server/validators/cf-worker"
import { describe, expect, test } from "vitest"
import { parse } from "yaml"
import { errorsReference } from "../../src/cli/errorsReference.ts"
import { hostErrors } from "../../src/errors.ts"
import { manifestJsonSchema, plainJsonSchema } from "../../src/manifest/jsonSchema.ts"
import { manifestReference } from "../../src/manifest/reference.ts"
import { exampleManifest } from "../../src/manifest/referenceText.ts"
import { wireErrors } from "../../src/protocol/errors.ts"
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/protocol/json.ts"

const committed = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8")

describe("generated files are in step", () => {
  test.each([
    ["mcp-host.schema.json", () => `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`],
    ["docs/manifest.md", manifestReference],
    ["docs/errors.md", errorsReference],
  ])("%s", (name, generate) => {
    expect(committed(name) === generate(), `${name} is out of step with the code: run npm run generate`).toBe(true)
  })
})

/** Every schema of a key, with its path. */
function keysOf(schema: JsonValue | undefined, path = ""): [string, JsonObject][] {
  if (!isJsonObject(schema)) return []
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {}
  const own = Object.entries(properties).flatMap(([key, member]): [string, JsonObject][] => [
    [`${path}.${key}`, member as JsonObject],
    ...keysOf(member, `${path}.${key}`),
  ])
  const forms = Array.isArray(schema["anyOf"]) ? schema["anyOf"] : []
  return [
    ...own,
    ...keysOf(schema["items"], `${path}[]`),
    ...keysOf(schema["additionalProperties"], `${path}.<key>`),
    ...forms.flatMap((form) => keysOf(form, path)),
  ]
}

describe("the JSON Schema", () => {
  const validate = new CfWorkerJsonSchemaValidator().getValidator(manifestJsonSchema() as never)
  const isValid = (text: string) => validate(parse(text)).valid

  test("is of draft 2020-12, has a title, and describes every key", () => {
    const schema = manifestJsonSchema()
    expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema", title: "mcp-host.yaml" })
    const keys = keysOf(schema)
    expect(keys.length).toBeGreaterThan(70)
    expect(keys.filter(([, key]) => typeof key["description"] !== "string").map(([path]) => path)).toEqual([])
    expect(JSON.stringify(schema)).not.toContain('"absent"')
  })

  test.each([
    ["the example", exampleManifest],
    ["${VAR} for a number", 'servers: {}\nendpoint: { http: { port: "${PORT}" } }'],
    ["${VAR} for a boolean", 'servers: { a: { mount: x, required: "${R:-true}" } }'],
    ["${VAR} for a duration", 'servers: {}\nendpoint: { drain: "${D}" }'],
    ["${VAR} for a choice", 'servers: { a: { mount: x, onDown: "${D}" } }'],
    ["${VAR} in a choice of a list", 'servers: {}\nendpoint: { eras: ["${E}"] }'],
    [
      "every form of target",
      "servers: { a: { mount: x }, b: { mount: { command: x } }, c: { mount: { url: 'https://x' } }, d: { import: { package: x } } }",
    ],
  ])("accepts %s", (_, text) => {
    expect(isValid(text)).toBe(true)
  })

  test.each([
    ["an unknown key", "servers: {}\nfoo: 1"],
    ["no servers", "host: {}"],
    ["a wrong number", "servers: {}\nendpoint: { http: { port: 65536 } }"],
    ["text for a number", "servers: {}\nendpoint: { http: { port: x } }"],
    ["a wrong duration", "servers: {}\nendpoint: { drain: 10 s }"],
    ["a wrong choice", "servers: { a: { mount: x, onDown: stall } }"],
    ["neither import nor mount", "servers: { a: {} }"],
    ["import and mount", "servers: { a: { import: x, mount: y } }"],
    ["command and url", "servers: { a: { mount: { command: x, url: 'https://x' } } }"],
    ["a wrong server key", "servers: { 'a b': { mount: x } }"],
  ])("refuses %s", (_, text) => {
    expect(isValid(text)).toBe(false)
  })
})

describe("the reference", () => {
  const page = manifestReference()

  test("has a row for every key", () => {
    const rows = new Set([...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path))
    const missing = keysOf(plainJsonSchema())
      .map(([path]) => path.slice(1))
      .filter(
        (path) =>
          path.includes(".") &&
          !path.includes(".import.") &&
          !path.startsWith("servers.<key>.middleware[]") &&
          !rows.has(path),
      )
    expect(missing).toEqual([])
  })

  test("every row has as many cells as its table", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| `host.") || line.startsWith("| `servers."))
    for (const row of rows) expect(row.replaceAll("\\|", "").split("|")).toHaveLength(7)
  })

  test("names every error", () => {
    const text = errorsReference()
    for (const code of [...Object.keys(hostErrors), ...Object.keys(wireErrors)]) expect(text).toContain(`\`${code}\``)
    for (const { code } of Object.values(wireErrors)) expect(text).toContain(String(code))
  })
})
