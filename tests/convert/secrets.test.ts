/** Which texts count as secrets, and that none of them, nor any note, ends up in a manifest. */
import fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { escapeText } from "../../src/convert/names.ts"
import { findSecret, isSecretName, isSecretValue } from "../../src/convert/secrets.ts"
import { expand } from "../../src/manifest/interpolate.ts"
import { holds } from "../composition/property.ts"
import { cleanUp, converted, loaded, serversOf, temporaryFolder } from "./support.ts"

afterAll(cleanUp)

describe("names", () => {
  it.each([
    "GITHUB_TOKEN",
    "API_KEY",
    "apiKey",
    "--api-key",
    "X-Api-Key",
    "DB_PASSWORD",
    "dbPassword",
    "CLIENT_SECRET",
    "GH_PAT",
    "Authorization",
    "BASIC_AUTH",
  ])("%s is secret", (name) => expect(isSecretName(name)).toBe(true))
  it.each([
    "PATH",
    "HOME",
    "LOG_LEVEL",
    "TOKEN_URL",
    "KEY_FILE",
    "MAX_TOKENS",
    "KEYBOARD",
    "MONKEY",
    "AUTHOR",
    "PORT",
    "Content-Type",
  ])("%s is not", (name) => expect(isSecretName(name)).toBe(false))
})

describe("values", () => {
  it.each([
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "sk-proj-abcdefghijklmnop",
    "xoxb-1234567890-abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "0123456789abcdef0123456789abcdef",
    "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW",
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
  ])("%s is secret", (value) => expect(isSecretValue(value)).toBe(true))
  it.each([
    "@modelcontextprotocol/server-everything@2026.8.31",
    "https://docs.example.com/mcp/v1",
    "/usr/local/lib/node_modules/some-server/dist/index.js",
    "123e4567-e89b-12d3-a456-426614174000",
    "a-long-name-of-a-package-in-lower-case",
    "ThisIsOnlyALongWordInCamelCase",
    "debug",
  ])("%s is not", (value) => expect(isSecretValue(value)).toBe(false))

  it.each([
    ["postgresql://me:hunter2@localhost/db", "hunter2"],
    ["https://x.example.com/mcp?a=1&api_key=abcd&b=2", "abcd"],
    ["--token=abcd", "abcd"],
    ["API_KEY=abcd", "abcd"],
    ["Authorization: Bearer abcdef", "abcdef"],
    ['{"headers": {"Authorization": "Bearer abcdef"}}', "abcdef"],
    ["run --with sk-abcdefghijkl now", "sk-abcdefghijkl"],
  ])("%s holds one", (text, secret) => expect(findSecret(text)?.secret).toBe(secret))
  it.each(["--port=80", "--verbose", "C:\\Users\\me", "LEVEL=debug", "https://x.example.com/a?b=c", "img:latest"])(
    "%s holds none",
    (text) => expect(findSecret(text)).toBeUndefined(),
  )
})

it("finds secrets wherever they stand, and several in one text", async () => {
  const servers = await serversOf({
    a: {
      command: "docker",
      args: ["run", "-e", "API_KEY=one-secret", "--api-key", "two-secret", "https://u:three3@h/?token=four4&x=1"],
      env: { EMPTY_TOKEN: "", USE_AUTH: "true" },
    },
    b: { url: "https://me:five5@b.example.com/mcp", headers: { Cookie: "six=6" } },
  })
  expect(JSON.stringify(servers)).not.toMatch(/one-secret|two-secret|three3|four4|five5|six=6/)
  expect(servers.a.mount).toEqual({
    command: "docker",
    args: [
      "run",
      "-e",
      "API_KEY=${A_API_KEY}",
      "--api-key",
      "${A_API_KEY_2}",
      "https://u:${A_PASSWORD}@h/?token=${A_TOKEN}&x=1",
    ],
    env: { EMPTY_TOKEN: "", USE_AUTH: "true" },
  })
  expect(servers.b.mount).toEqual({
    url: "https://b.example.com/mcp",
    headers: { Cookie: "${B_COOKIE}", Authorization: "Basic ${B_TOKEN}" },
  })
})

it("a default that looks like a secret is left out", async () => {
  const { text } = await converted({
    "a.json": { mcpServers: { a: { command: "a", args: ["${T:-ghp_abcdefghijklmnop}"] } } },
  })
  expect(text).not.toContain("ghp_")
  expect(text).toContain("the default of ${T} looks like a secret")
})

holds(
  "a text that is escaped means itself",
  fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "a", ":-", "\n") }), (text) => {
    const none = { variable: () => undefined, file: () => ({ reason: "none" }) }
    return expand(escapeText(text), none).text === text
  }),
)

const secrets = fc.stringMatching(/^[a-z]{3}[A-Z]{3}[0-9]{3}[a-z]{9}$/).map((tail) => `ghp_${tail}`)
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(..."${}:-/?&=@.ab1 #'\"\\\n*!"), maxLength: 16 }),
  fc.constantFrom(
    "${A}",
    "${A:-b}",
    "${env:A}",
    "${workspaceFolder}/x",
    "${input:i}",
    "${A:-${B:-c}}",
    "$A",
    "${x.y}",
    "${",
    "$${A}",
    "${A:-}}",
  ),
)
const values = fc.oneof(texts, secrets)
const keys = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom("a", "A_TOKEN", "__proto__", "x y", "constructor"),
)
const entries = fc.oneof(
  fc.record(
    {
      command: values,
      args: fc.array(values, { maxLength: 3 }),
      env: fc.dictionary(keys, values, { maxKeys: 3 }),
      cwd: texts.filter((text) => !/\$\{(env:|input:)?[A-Zi]/.test(text) && !/\$[A-Za-z_]/.test(text)),
      timeout: fc.oneof(fc.double(), fc.integer()),
      disabled: fc.boolean(),
      alwaysAllow: fc.array(texts, { maxLength: 2 }),
      includeTools: fc.array(texts, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      url: fc.oneof(fc.webUrl({ withQueryParameters: true }), values),
      type: fc.constantFrom("http", "sse", "x"),
      headers: fc.dictionary(keys, values, { maxKeys: 3 }),
    },
    { requiredKeys: ["url"] },
  ),
  fc.record({
    command: fc.constant("npx"),
    args: fc.tuple(fc.constant("mcp-remote"), fc.webUrl(), fc.constant("--header"), values),
  }),
  fc.jsonValue({ maxDepth: 2 }),
)

/** What no manifest may hold, wherever it stands. */
const nul = [
  { command: "a\0" },
  { command: "a", args: ["\0"] },
  { command: "a", includeTools: ["\0"] },
  { url: "https://example.com/mcp", headers: { X: "\0" } },
]

it("whatever a client has becomes a manifest that passes, without its secrets", async () => {
  const property = fc.asyncProperty(fc.dictionary(keys, entries, { maxKeys: 4 }), async (mcpServers) => {
    const result = await converted({ "mcp.json": { mcpServers } })
    const given = JSON.stringify(mcpServers).match(/ghp_[a-z]{3}[A-Z]{3}[0-9]{3}[a-z]{9}/g) ?? []
    for (const secret of given) expect(result.text).not.toContain(secret)
    const manifest = await loaded(result, temporaryFolder())
    const active = result.servers.filter(({ inactive }) => inactive === undefined)
    expect(manifest.servers.map(({ key }) => key).toSorted()).toEqual(active.map(({ key }) => key).toSorted())
  })
  await fc.assert(property, { numRuns: 4, examples: nul.map((entry) => [{ a: entry }]) })
  const seed = Number(process.env["FC_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
  process.stdout.write(`seed ${seed}: whatever a client has\n`)
  await fc.assert(property, { numRuns: 300, seed })
}, 120_000)
