/** Whatever the file holds: a ManifestError or a manifest, soon, and never the end of the process. */
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { loadManifest } from "../../src/manifest/load.ts"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import { scan } from "../../src/manifest/scan.ts"
import { cpuMs, failure, folder, load, promisedMs } from "./support.ts"

const mebibyte = 1024 * 1024

const fill = (unit: string, size: number) => unit.repeat(Math.floor(size / unit.length))

describe("bombs", () => {
  test.each([
    [
      "a billion laughs",
      (n: number) =>
        n === 0
          ? "[x, x, x, x, x, x, x, x, x, x]"
          : `[${Array(10)
              .fill(`*a${n - 1}`)
              .join(", ")}]`,
    ],
    [
      "the same with mappings",
      (n: number) =>
        n === 0 ? "{ x: 1 }" : `{ ${Array.from({ length: 10 }, (_, i) => `k${i}: *a${n - 1}`).join(", ")} }`,
    ],
  ])("%s", async (_, line) => {
    const text = Array.from({ length: 12 }, (_, n) => `a${n}: &a${n} ${line(n)}\n`).join("")
    const start = cpuMs()
    const error = await failure(text)
    expect(cpuMs() - start).toBeLessThan(promisedMs)
    const found = error.problems.filter(({ code }) => code === "MANIFEST_TOO_LARGE")
    expect(found.map(({ message }) => message)).toEqual([
      "aliases expand to more than 10000 values, or to too much text",
    ])
  })

  test("one large value, many times", async () => {
    const text = `a: &a [${"x, ".repeat(9000)}]\nb: [${"*a, ".repeat(9000)}]`
    const start = cpuMs()
    expect((await failure(text)).problems.map(({ code }) => code)).toContain("MANIFEST_TOO_LARGE")
    expect(cpuMs() - start).toBeLessThan(promisedMs)
  })
})

describe("references", () => {
  const inConfig = (text: string) => `servers: { a: { mount: x, config: { b: "${text}" } } }`

  test.each([
    ["missing variables", fill("${A}", 1_000_000), "MANIFEST_MISSING_VARIABLE"],
    [
      "missing variables of many names",
      Array.from({ length: 80_000 }, (_, i) => `\${A${i}}`).join(""),
      "MANIFEST_MISSING_VARIABLE",
    ],
    ["a long variable, often", fill("${LONG}", 1_000_000), "MANIFEST_TOO_LARGE"],
    ["a long file, often", fill("${file:long}", 1_000_000), "MANIFEST_TOO_LARGE"],
    ["missing files", fill("${file:none}", 1_000_000), "MANIFEST_MISSING_VARIABLE"],
    ["open references", fill("${A:-", 1_000_000), "MANIFEST_INVALID_VALUE"],
  ])("%s", async (_, text, code) => {
    const before = cpuMs()
    const long = "x".repeat(60_000)
    const error = await failure(inConfig(text), { env: { LONG: long }, files: { long } })
    expect(error.code).toBe(code)
    expect(error.problems.length).toBeLessThanOrEqual(50)
    expect(cpuMs() - before).toBeLessThan(promisedMs)
  })

  test("a long text with a reference, many times by alias", async () => {
    const before = cpuMs()
    const text = `servers: { a: { mount: x, config: { b: &b "${"x".repeat(900_000)}\${V}", c: [${"*b, ".repeat(9000)}] } } }`
    expect((await failure(text, { env: { V: "v" } })).code).toBe("MANIFEST_TOO_LARGE")
    expect(cpuMs() - before).toBeLessThan(promisedMs)
  })
})

describe("a mebibyte of anything takes less than two seconds", () => {
  const units = [
    "[",
    "]",
    "[]",
    "{",
    "}",
    ",",
    ":",
    "-",
    "?",
    "- ",
    "? ",
    ": ",
    "a: ",
    "a:\n",
    "- a\n",
    "-\n",
    "?\n",
    ":\n",
  ]
  units.push(
    '"',
    "'",
    '"" ',
    "`",
    "@\n",
    "%a\n",
    "---\n",
    "...\n",
    "&a ",
    "*a ",
    "!a ",
    "|\n",
    ">\n",
    "# x\n",
    "\n",
    "\r\n",
  )
  units.push(
    " ",
    "\t",
    " \n",
    "\t\n",
    "x",
    "x ",
    "x\n",
    "\\",
    "${",
    "${a:-",
    "$${",
    "é",
    "😀",
    "<<: ",
    "a: [\n",
    "? - ",
  )

  test.each([
    ...units.map((unit) => [unit, ""]),
    ...units.map((unit) => [unit, "a: "]),
    ...units.map((unit) => [unit, 'a: "']),
  ])("%j after %j", async (unit, start) => {
    const size = start === "" ? mebibyte - 100 : mebibyte / 4
    const text = start + fill(unit, size * (unit.length / Buffer.byteLength(unit)))
    const before = cpuMs()
    await failure(text)
    expect(cpuMs() - before).toBeLessThan(promisedMs)
  })

  test("as many tokens as are allowed", async () => {
    for (const unit of ["[],", "}", "a,", "k: v\n", "- [a: b, c]\n", "%a\n", "!a "]) {
      let text = fill(unit, 300_000)
      while (scan(text) !== undefined && text.length > 1) text = text.slice(0, text.length * 0.9)
      const before = cpuMs()
      await failure(text)
      expect(cpuMs() - before, unit).toBeLessThan(promisedMs)
    }
  })
})

describe("any text", () => {
  const isManifestOrProblem = async (text: string) => {
    const before = cpuMs()
    const error = await load(text).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (error !== undefined && !(error instanceof ManifestError)) throw error
    if (error !== undefined) {
      const lines = text.replace(/^\uFEFF/, "").split("\n")
      for (const { place } of error.problems) {
        expect(place.line).toBeLessThanOrEqual(lines.length)
        expect(place.column).toBeLessThanOrEqual((lines[place.line - 1] ?? "").length + 1)
      }
      error.format({ color: true })
    }
    expect(cpuMs() - before).toBeLessThan(promisedMs)
  }

  test("characters", async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), isManifestOrProblem), {
      numRuns: 150,
    })
  })

  test("pieces of YAML", async () => {
    const piece = fc.constantFrom(
      ..."[]{},:?-&*!|>'\"%@`#\n \t".split(""),
      ..."servers:;host:;  ;    ;import: ;mount: ;a: ;- ;&a ;*a;<<: ;? ;: ;!!str ;---;...;|\n;>-\n;${A};${;command: ;null;true;1;'';[];{}".split(
        ";",
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 60 }), (parts) => isManifestOrProblem(parts.join(""))),
      { numRuns: 400 },
    )
  })

  test("any JSON in the place of any section", async () => {
    const key = fc.constantFrom(
      "host",
      "endpoint",
      "defaults",
      "servers",
      "name",
      "icons",
      "http",
      "port",
      "import",
      "mount",
      "command",
      "url",
      "env",
      "tags",
      "timeouts",
      "a",
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.constantFrom("x", "./none", "https://x", "${A}", "10s"),
        tie("object"),
      ),
      object: fc.dictionary(key, tie("tree"), { maxKeys: 5 }),
    }))
    await fc.assert(
      fc.asyncProperty(fc.dictionary(key, tree, { maxKeys: 5 }), (value) => isManifestOrProblem(JSON.stringify(value))),
      { numRuns: 400 },
    )
  })

  test("bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        const root = folder({ "x.yaml": Buffer.from(bytes) })
        const error = await loadManifest(join(root, "x.yaml"), { env: {} }).catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(ManifestError)
      }),
      { numRuns: 100 },
    )
  })
})
