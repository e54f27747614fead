import fc from "fast-check"
import { test } from "vitest"
import { createSource } from "../../src/composition/compose.ts"
import type { Listing, Source, SourceRules } from "../../src/composition/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"

/** Cases that every property has at least; CI asks for ten thousand. */
const least = Number(process.env["FC_RUNS"] ?? 0)

/** A test over random cases. Prints its seed; `FC_SEED` repeats a run. */
export function holds<T extends [unknown, ...unknown[]]>(name: string, property: fc.IProperty<T>, runs = 1000): void {
  test(
    name,
    () => {
      const seed = Number(process.env["FC_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
      process.stdout.write(`seed ${seed}: ${name}\n`)
      fc.assert(property, { numRuns: Math.max(runs, least), seed })
    },
    Math.max(120_000, least * 60),
  )
}

export function rulesOf(server: string, rules: Partial<SourceRules> = {}): SourceRules {
  return {
    server,
    prefix: server,
    separator: "_",
    nameBudget: 60,
    uris: "path",
    tags: {},
    tools: {},
    prompts: {},
    resources: {},
    ...rules,
  }
}

export function listingOf(parts: Partial<Record<keyof Listing, readonly (string | JsonObject)[]>>): Listing {
  const payloads = (items: readonly (string | JsonObject)[] | undefined, id: string) =>
    (items ?? []).map((item) => (typeof item === "string" ? { [id]: item } : item))
  return {
    tool: payloads(parts.tool, "name"),
    prompt: payloads(parts.prompt, "name"),
    resource: payloads(parts.resource, "uri"),
    resourceTemplate: payloads(parts.resourceTemplate, "uriTemplate"),
  }
}

export function sourceOf(
  server: string,
  parts: Parameters<typeof listingOf>[0],
  rules: Partial<SourceRules> = {},
): Source {
  return createSource(rulesOf(server, rules), listingOf(parts))
}

/** Throws on any later change, at every depth. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}

export const prefixes = fc.oneof(
  fc.constantFrom("notes", "a", "a_b", "team.github", "x-mcp", "ui", "http", "file", "1st", "a-b", "N"),
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/),
  fc.constantFrom("with space", "sl/ash", "br{ace}", "ü", "a%2Fb", "q?x#y", "a+b"),
)

const weird = fc.string({ unit: fc.constantFrom(..."aZ09-._~:/?#[]@!$&'()*+,;=%{} é😀\\|\u0000"), maxLength: 20 })

/** Every shape of URI a server may have, legal or not. */
export const uris = fc.oneof(
  fc.constantFrom(
    "file:///p",
    "file:///",
    "file://host/p",
    "file://",
    "urn:isbn:1",
    "mailto:me@example.com",
    "ui://app/main.html",
    "UI://App",
    "x-mcp://notes/urn:x",
    "X-MCP://a/b",
    "x-mcp:",
    "foo",
    "",
    "://",
    "data:,x",
    "notes+file:///x",
    "notes://notes/notes",
    "git+ssh://h/p",
    "1x://y",
    "file:///ä b%20c?q=1#f",
    "tel:+1",
    "httpx://a",
    "http:opaque",
  ),
  fc.tuple(fc.constantFrom("file", "notes", "ui", "x-mcp", "a+b", "a", "http", "S"), weird).map((p) => p.join("://")),
  fc.tuple(fc.constantFrom("urn", "mailto", "ui", "x-mcp", "a", "http"), weird).map((p) => p.join(":")),
  weird,
  fc.webUrl(),
)
