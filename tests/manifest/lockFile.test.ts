/** The lock file: exact, readable, and not to be tampered with. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { changesIn, definitionsIn, removalsIn } from "../../src/composition/lock.ts"
import type { Listing } from "../../src/composition/types.ts"
import { loadManifest } from "../../src/manifest/load.ts"
import { parseLock, renderLock } from "../../src/manifest/lockFile.ts"
import { lockPath } from "../../src/manifest/lockPath.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { holds, listingOf } from "../composition/property.ts"

const folder = mkdtempSync(path.join(tmpdir(), "mcp-host-lock-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const lockText = (listing: Listing, facts: object = {}) =>
  renderLock(new Map([["s", { ...facts, components: definitionsIn(listing) }]]))

const strings = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(..."\ud800\udfff\u202e\u200b\ufeff\0\r\n\t: -#|>'\"\\{}[]&*!%@`~<=123ntf.") }),
  fc.constantFrom(
    "__proto__",
    "<<",
    "null",
    "~",
    "1e3",
    "0x1",
    "no",
    "2026-01-01",
    "\u{e0041}",
    " \n x\n ",
    " \n",
    "a\n  \nb",
    "---",
    "...",
  ),
)
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    strings,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(strings, tie("value"), { maxKeys: 3 }),
  ),
})).value

holds(
  "what is written is what is read",
  fc.property(fc.array(fc.tuple(strings, json), { maxLength: 3 }), strings, (tools, instructions) => {
    const listing = listingOf({
      tool: tools.map(([name, inputSchema]) => JSON.parse(JSON.stringify({ name, inputSchema })) as JsonObject),
    })
    const text = lockText(listing, { instructions })
    const server = parseLock(text, "x").get("s")
    expect(server?.instructions).toBe(instructions)
    expect(changesIn(definitionsIn(listing), server)).toEqual([])
    if (server !== undefined) expect(removalsIn(definitionsIn(listing), server)).toEqual([])
  }),
)

describe("the text", () => {
  const tool = { name: "t", inputSchema: { type: "object", b: 1, a: 2 }, description: "First.\nSecond.\n" }

  it("is what a reviewer wants to read, and the same in whatever order things were listed", () => {
    const text = lockText(listingOf({ tool: ["z", tool] }), { name: "server", version: "1.0.0" })
    expect(text).toBe(
      lockText(
        listingOf({
          tool: [{ description: tool.description, inputSchema: { a: 2, b: 1, type: "object" }, name: "t" }, "z"],
        }),
        { name: "server", version: "1.0.0" },
      ),
    )
    expect(text.replace(/sha256-.{43}/g, "sha256-…")).toMatchSnapshot()
  })

  it("shows what a terminal would hide", () => {
    const text = lockText(listingOf({ tool: [{ name: "t", description: "a\u202eb\u{e0041}c\u200bd" }] }))
    expect(text).toContain('description: "a\\u202eb\\U000e0041c\\u200bd"')
  })

  it.each([
    ["a changed definition", (text: string) => text.replace("First", "Worst"), /tools\.t does not fit its hash/],
    [
      "a definition under another name",
      (text: string) => text.replace("      t:", "      u:"),
      /tools\.u does not fit/,
    ],
    ["a hash that is gone", (text: string) => text.replace(/hash: .*/, "hsh: 1"), /does not fit its hash/],
    ["another version", (text: string) => text.replace("lockVersion: 1", "lockVersion: 2"), /another lockVersion/],
    ["a key given twice", (text: string) => `${text}servers: {}\n`, /not valid YAML: Map keys must be unique/],
    ["an alias", (text: string) => `${text}x: &x [1]\ny: *x\n`, /./],
    ["what would exhaust the parser", (text: string) => `${text}x: ${"[".repeat(5000)}\n`, /nests deeper/],
    ["no YAML", () => "a: b: c", /not valid YAML/],
    ["a list", () => "- 1", /holds no mapping/],
  ])("refuses %s", (_what, edit, message) => {
    const text = edit(lockText(listingOf({ tool: [tool] })))
    expect(() => parseLock(text, "mcp-host.lock.yaml")).toThrow(message)
  })
})

describe("a manifest", () => {
  const file = path.join(folder, "mcp-host.yaml")
  const load = async (security: string, lock: string | undefined) => {
    writeFileSync(file, `${security}\nservers: {}\n`)
    if (lock === undefined) rmSync(lockPath(file), { force: true })
    else writeFileSync(lockPath(file), lock)
    return (await loadManifest(file)).security
  }
  const good = lockText(listingOf({ tool: ["t"] }))

  it.each([
    ["", good, "warn"],
    ["", undefined, "off"],
    ["security: { lock: warn }", undefined, "off"],
    ["security: { lock: warn }", good, "warn"],
    ["security: { lock: enforce }", good, "enforce"],
    ["security: { lock: off }", good, "off"],
  ])("%s", async (security, lock, mode) => {
    const loaded = await load(security, lock)
    expect(loaded.lock).toBe(mode)
    expect(loaded.locked !== undefined).toBe(mode !== "off")
  })

  it("that wants a lock needs one, and a good one", async () => {
    await expect(load("security: { lock: enforce }", undefined)).rejects.toMatchObject({
      code: "LOCK_MISSING",
      place: { line: 1, column: 19 },
      help: expect.stringContaining("mcp-host lock"),
    })
    await expect(load("", "broken: [")).rejects.toMatchObject({ code: "LOCK_INVALID" })
    expect(await load("security: { lock: off }", "broken: [")).toEqual({ lock: "off" })
  })

  it("has its own lock file", () => {
    expect(lockPath("/a/mcp-host.yaml")).toBe(path.join("/a", "mcp-host.lock.yaml"))
    expect(lockPath("/a/team.yml")).toBe(path.join("/a", "team.lock.yaml"))
  })
})
