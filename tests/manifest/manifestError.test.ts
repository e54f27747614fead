import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { hostErrors } from "../../src/errors.ts"
import { loadManifest } from "../../src/manifest/load.ts"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import { failure } from "./support.ts"

const fixtures = new URL("../fixtures/manifests/", import.meta.url)

describe("every problem at once", () => {
  test("as the terminal shows it", async () => {
    const file = new URL("many-problems.yaml", fixtures)
    const error = await loadManifest(file.pathname, { env: {} }).catch((thrown: unknown) => thrown as ManifestError)
    if (!(error instanceof ManifestError)) throw new Error("expected problems")
    const shown = error.format({ color: false })
    await expect(`${shown}\n`).toMatchFileSnapshot(new URL("many-problems.txt", fixtures).pathname)
    expect(error.problems.length).toBe(readFileSync(file, "utf8").split("# <-").length - 1)
  })

  test("with colour only when asked for", async () => {
    const error = await failure("servers: []")
    expect(error.format({ color: false })).not.toContain("\x1b[")
    expect(error.format({ color: true })).toContain("\x1b[31m")
  })

  test("each has a code of the table, a help line and a place in the file", async () => {
    const error = await failure("foo: 1\nhost: 2\nservers: { a: {}, b: { mount: ./none, onDown: x } }")
    expect(error.problems.length).toBe(5)
    for (const problem of error.problems) {
      expect(Object.keys(hostErrors)).toContain(problem.code)
      expect(problem).toMatchObject({
        severity: "error",
        help: expect.stringMatching(/./),
        place: { file: error.place?.file },
      })
    }
    expect(error.code).toBe(error.problems[0]?.code)
    expect(error.message).toMatch(/^5 problems in .*mcp-host\.yaml:\n {2}.*mcp-host\.yaml:1:1: unknown key "foo"/)
  })

  test("a problem of another file has no frame", async () => {
    const error = await failure("servers: {}", { files: { ".env/": "" } })
    expect(error.format({ color: false })).toMatch(/^.*\.env:1:1: the environment file is a folder\nhelp: .*$/)
  })

  test("does not carry the text of the file where a logger would find it", async () => {
    const error = await failure("servers: []\n# comment-in-file")
    expect(JSON.stringify({ ...error })).not.toContain("comment-in-file")
  })

  test("very many are cut for the terminal, not in the list", async () => {
    const error = await failure(`servers: {}\n${Array.from({ length: 500 }, (_, i) => `k${i}: 1\n`).join("")}`)
    expect(error.problems).toHaveLength(500)
    expect(error.format({ color: false })).toMatch(/… and 450 more problems$/)
  })

  test("a frame in a long line is cut around the place", async () => {
    const error = await failure(`servers: {}\nhost: { name: "${"x".repeat(5000)}", foo: 1 }`)
    const lines = error.format({ color: false }).split("\n")
    expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThan(200)
    const marked = lines.find((line) => line.startsWith(">")) ?? ""
    const caret = lines.find((line) => /\|\s+\^/.test(line)) ?? ""
    expect(marked.slice(caret.indexOf("^"))).toMatch(/^foo: 1/)
  })
})
