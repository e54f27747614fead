/** Deep nesting ends in an error, not in the end of the process. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { describe, expect, test } from "vitest"
import { cpuMs, failure, folder, promisedMs } from "./support.ts"

const mebibyte = 1024 * 1024

const indented = (depth: number, line: (level: number) => string) =>
  Array.from({ length: depth }, (_, level) => " ".repeat(level) + line(level)).join("\n")

/** Text that nests this deep, in every way YAML has. */
const nestings: Readonly<Record<string, (depth: number) => string>> = {
  "flow lists": (depth) => "[".repeat(depth),
  "closed flow lists": (depth) => `a: ${"[".repeat(depth)}${"]".repeat(depth)}`,
  "flow mappings": (depth) => `a: ${"{a: ".repeat(depth)}`,
  "closed flow mappings": (depth) => `a: ${"{a: ".repeat(depth)}1${"}".repeat(depth)}`,
  "flow lists on lines": (depth) => "[\n".repeat(depth),
  "flow pairs": (depth) => "[a: ".repeat(depth),
  "flow explicit keys": (depth) => "{? ".repeat(depth),
  "block mappings": (depth) => indented(depth, () => "a:"),
  "block lists": (depth) => indented(depth, () => "-"),
  "mappings in lists": (depth) => indented(depth, (level) => (level % 2 === 0 ? "- a:" : "  b:")),
  "lists at the column of their key": (depth) => indented(depth, (level) => `a:\n${" ".repeat(level)}-`),
  "compact lists": (depth) => "- ".repeat(depth),
  "compact lists with a value": (depth) => `a:\n ${"- ".repeat(depth)}x`,
  "compact explicit keys": (depth) => "? ".repeat(depth),
  "compact values": (depth) => ": ".repeat(depth),
  "compact mappings": (depth) => "a: ".repeat(depth),
  "compact mixes": (depth) => "- ? : ".repeat(depth),
  "tagged lists": (depth) => "!!seq [".repeat(depth),
  "anchored lists": (depth) => Array.from({ length: depth }, (_, level) => `&a${level} [`).join(""),
  "quotes between": (depth) => '["x[", '.repeat(depth),
  "after a comment": (depth) => `# [\n${"[".repeat(depth)}`,
  "after a block scalar": (depth) => `a: |\n  x: [\nb: ${"[".repeat(depth)}`,
  "after an unclosed quote that ends": (depth) => `a: "\\"[" \nb: ${"[".repeat(depth)}`,
}

describe("nesting", () => {
  test.each(Object.keys(nestings))("5,000 %s are an error, soon", async (name) => {
    const text = nestings[name]!(5000)
    const start = cpuMs()
    const error = await failure(text.length > mebibyte ? nestings[name]!(1000) : text)
    expect(cpuMs() - start).toBeLessThan(promisedMs)
    expect(["MANIFEST_TOO_LARGE", "MANIFEST_SYNTAX"]).toContain(error.code)
  })

  test("does not abort the process", async () => {
    const texts = Object.values(nestings).flatMap((make) => [5000, 700, 100].map(make))
    const files = Object.fromEntries(texts.map((text, index) => [`${index}.yaml`, text.slice(0, mebibyte)]))
    const root = folder(files)
    const module = new URL("../../src/manifest/load.ts", import.meta.url).href
    const script = `
      const { loadManifest } = await import(${JSON.stringify(module)})
      const names = []
      for (const file of process.argv.slice(1)) {
        await loadManifest(file).then(() => names.push("loaded"), (error) => names.push(error.name))
      }
      console.log(JSON.stringify(names))`
    const args = [
      "--import",
      "tsx",
      "--input-type=module",
      "-e",
      script,
      ...Object.keys(files).map((name) => join(root, name)),
    ]
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    })
    expect(JSON.parse(stdout)).toEqual(texts.map(() => "ManifestError"))
  })

  test.each([
    ["flow", (depth: number) => `{ a: ${"[".repeat(depth)}${"]".repeat(depth)} }`],
    ["block", (depth: number) => indented(depth + 1, () => "a:")],
  ])("the limit is 64 levels: %s", async (_, make) => {
    const codes = async (depth: number) => new Set((await failure(make(depth))).problems.map(({ code }) => code))
    expect(await codes(63)).not.toContain("MANIFEST_TOO_LARGE")
    expect(await codes(65)).toContain("MANIFEST_TOO_LARGE")
  })

  test("aliases may not nest deeper either", async () => {
    const lines = Array.from(
      { length: 100 },
      (_, level) => `a${level}: &a${level} [${level === 0 ? "" : `*a${level - 1}`}]`,
    )
    expect((await failure(lines.join("\n"))).problems.map(({ code }) => code)).toContain("MANIFEST_TOO_LARGE")
  })
})
