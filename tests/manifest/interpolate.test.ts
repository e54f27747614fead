import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { expand } from "../../src/manifest/interpolate.ts"
import { failure, folder, load, problems, server, serverProblems } from "./support.ts"

const values = {
  variable: (name: string) => ({ A: "one", B: "${A}", EMPTY: "" })[name],
  file: (path: string) => (path === "dir/one" ? { text: "content" } : { reason: "does not exist" }),
}

describe("expand", () => {
  test.each([
    ["plain", "plain"],
    ["${A}", "one"],
    ["x${A}y${A}", "xoneyone"],
    ["${B}", "${A}"],
    ["${EMPTY}", ""],
    ["${NONE:-default}", "default"],
    ["${EMPTY:-default}", "default"],
    ["${A:-default}", "one"],
    ["${NONE:-}", ""],
    ["${NONE:-${A}!}", "one!"],
    ["${NONE:-a:-b}", "a:-b"],
    ["${A:-${NONE}}", "one"],
    ["$${A}", "${A}"],
    ["$$${A}", "$${A}"],
    ["${NONE:-$${x}", "${x"],
    ["$A $ { } $$ {A}", "$A $ { } $$ {A}"],
    ["${file:dir/one}", "content"],
    ["${file:${NONE:-dir}/one}", "content"],
  ])("%j becomes %j", (text, expected) => {
    const { text: actual, problems } = expand(text, values)
    expect(problems).toEqual([])
    expect(actual).toBe(expected)
  })

  test.each([
    ["${", "has no closing }"],
    ["${A", "has no closing }"],
    ["${}", "is not a reference"],
    ["${a b}", "is not a reference"],
    ["${1A}", "is not a reference"],
    ["${A-x}", "is not a reference"],
    ["${A:?x}", "is not a reference"],
    ["${file:}", "is not a reference"],
    ["${NONE:-${}}", "is not a reference"],
    ["${A:-".repeat(10_000), "nests deeper than 8 levels"],
  ])("%j is malformed", (text, message) => {
    const [problem] = expand(text, values).problems
    expect(problem?.code).toBe("MANIFEST_INVALID_VALUE")
    expect(problem?.message).toContain(message)
  })

  test("names what is missing", () => {
    const { problems } = expand("a ${NONE} ${file:x/${A}}", values)
    expect(problems).toEqual([
      expect.objectContaining({
        code: "MANIFEST_MISSING_VARIABLE",
        at: 2,
        message: expect.stringContaining("${NONE}"),
      }),
      expect.objectContaining({ at: 10, message: "the file of ${file:x/${A}} does not exist" }),
    ])
  })

  test("tells the values it used, and not the defaults", () => {
    expect(expand("${A} ${NONE:-x} ${file:dir/one}", values).values).toEqual(["one", "content"])
  })

  test("never alters text without ${", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.includes("${"))
        expect(expand(text, values)).toEqual({ text, values: [], problems: [] })
      }),
    )
  })

  test("gives a value unchanged, whatever it holds, and does not look at it again", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const { text } = expand("<${V}>", { ...values, variable: () => value })
        expect(text).toBe(`<${value}>`)
      }),
    )
  })

  test("escaping every ${ gives the text back", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "a", ":-") }), (text) => {
        fc.pre(!/\$\$\{/.test(text))
        expect(expand(text.split("${").join("$${"), values).text).toBe(text)
      }),
    )
  })

  test("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("${", "$", "}", "A", ":-", "file:", " ") }), (text) => {
        expand(text, values)
      }),
    )
  })
})

describe("in a manifest", () => {
  const notes = "import: ./servers/notes"

  test("fills in values everywhere but in keys", async () => {
    const entry = await server(`${notes}\nconfig: { "\${A}": "\${A}", list: ["\${A}", 1, true] }`, { env: { A: "x" } })
    expect(entry.config).toEqual({ "${A}": "x", list: ["x", 1, true] })
  })

  test("a value cannot become YAML", async () => {
    const hostile = "x\n    required: true\n# \"'"
    const entry = await server(`${notes}\nconfig: { a: \${A} }`.replace("{ a: ${A} }", "\n  a: ${A}"), {
      env: { A: hostile },
    })
    expect(entry.config).toEqual({ a: hostile })
    expect(entry.required).toBe(false)
  })

  test("reads .env beside the manifest; the real environment wins, even when empty", async () => {
    const files = { ".env": "A=file\nB='quoted value'\nC=file\n" }
    const entry = await server(`${notes}\nconfig:\n  all: "\${A},\${B},\${C}"`, { files, env: { A: "real", C: "" } })
    expect(entry.config).toEqual({ all: "real,quoted value," })
  })

  test("an explicit env file replaces .env", async () => {
    const other = folder({ "other.env": "\uFEFFA=other\n" })
    const entry = await server(`${notes}\nconfig:\n  a: \${A}`, {
      files: { ".env": "A=file" },
      envFile: `${other}/other.env`,
    })
    expect(entry.config).toEqual({ a: "other" })
    const missing = await serverProblems(`${notes}\nconfig:\n  a: \${A}`, {
      files: { ".env": "A=file" },
      envFile: `${other}/none.env`,
    })
    expect(missing).toEqual([
      expect.stringMatching(/^3:6 MANIFEST_MISSING_VARIABLE/),
      expect.stringMatching(/MANIFEST_MISSING_PATH the environment file does not exist$/),
    ])
  })

  test("an .env that is a folder is a problem", async () => {
    expect(await problems("servers: {}", { files: { ".env/": "" } })).toEqual([
      "1:1 MANIFEST_UNREADABLE the environment file is a folder",
    ])
  })

  test("reads files, trims one line break, relative to the manifest", async () => {
    const files = { "secrets/x": "a\nb\r\n", "secrets/y": "\n\n" }
    const entry = await server(`${notes}\nconfig:\n  x: \${file:secrets/x}\n  y: \${file:./secrets/y}`, { files })
    expect(entry.config).toEqual({ x: "a\nb", y: "\n" })
  })

  test.each(["constructor", "__proto__", "toString"])("${%s} is not set", async (name) => {
    const [problem] = await problems(`servers: {}\nhost:\n  name: \${${name}}`)
    expect(problem).toMatch(/^3:9 MANIFEST_MISSING_VARIABLE/)
  })

  test.each([
    ["secrets/none", "does not exist"],
    ["secrets", "is not a regular file"],
    ["/dev/zero", "is not a regular file"],
    ["secrets/large", "is larger than 64 KiB"],
    ["secrets/binary", "is not UTF-8 text"],
    ["secrets/nul", "holds a NUL character"],
  ])("${file:%s} %s", async (path, reason) => {
    const files = {
      "secrets/large": "x".repeat(65 * 1024),
      "secrets/binary": Buffer.from([0x61, 0xff]),
      "secrets/nul": "a\0b",
    }
    expect(await serverProblems(`${notes}\nconfig:\n  x: \${file:${path}}`, { files })).toEqual([
      `3:6 MANIFEST_MISSING_VARIABLE the file of \${file:${path}} ${reason}`,
    ])
  })

  test.each([
    ["plain", "config:\n  x: a ${NONE} b", "2:8"],
    ["the second of two", "config:\n  x: ${A} ${NONE}", "2:11"],
    ["after an escape", "config:\n  x: $${A} ${NONE}", "2:12"],
    ["quoted", 'config:\n  x: "${NONE}"', "2:7"],
    ["block scalar", "config:\n  x: |\n    one\n    two ${NONE}", "4:9"],
    ["flow", 'config: { x: ["${NONE}"] }', "1:16"],
    ["escaped in the source", 'config:\n  x: "\\x24{NONE}"', "2:6"],
  ])("a missing variable is placed where it is written: %s", async (_, config, place) => {
    const found = await serverProblems(`${config}\n${notes}`, { env: { A: "x" } })
    expect(found).toEqual([
      expect.stringMatching(new RegExp(`^${place} MANIFEST_MISSING_VARIABLE \\$\\{NONE\\} names`)),
    ])
  })

  test("a value that could not be filled in is not judged as well", async () => {
    expect(await serverProblems("mount:\n  url: ${NONE}\nonDown: ${NONE}\nprefix: ${NONE}")).toEqual([
      expect.stringContaining("2:8 MANIFEST_MISSING_VARIABLE"),
      expect.stringContaining("3:9 MANIFEST_MISSING_VARIABLE"),
      expect.stringContaining("4:9 MANIFEST_MISSING_VARIABLE"),
    ])
  })

  test("text counts as a number or boolean only when it was interpolated", async () => {
    const env = { PORT: "9000", YES: "true", TEN: "20" }
    const text =
      "endpoint:\n  http:\n    port: ${PORT}\n    insecure: ${YES}\nhost:\n  nameBudget: ${TEN}\nservers: {}\n"
    const manifest = await load(text, { env })
    expect(manifest.endpoint.http).toMatchObject({ port: 9000, insecure: true })
    expect(await problems(text, { env: { PORT: "x1", YES: "yes", TEN: "200" } })).toEqual([
      '3:11 MANIFEST_INVALID_VALUE endpoint.http.port must be a whole number from 0 to 65535, given "${PORT}" (after its values are filled in)',
      '4:15 MANIFEST_INVALID_VALUE endpoint.http.insecure must be true or false, given "${YES}" (after its values are filled in)',
      '6:15 MANIFEST_INVALID_VALUE host.nameBudget must be a whole number from 16 to 128, given "${TEN}" (after its values are filled in)',
    ])
    expect(await problems('endpoint: { http: { port: "9000", insecure: "true" } }\nservers: {}')).toHaveLength(2)
  })

  test("interpolated text in config stays text", async () => {
    const entry = await server(`${notes}\nconfig:\n  n: \${N}`, { env: { N: "1" } })
    expect(entry.config).toEqual({ n: "1" })
  })
})

describe("secrets", () => {
  const env = {
    TOKEN: "t0ken",
    URL: "https://key@example.com",
    PORT: "9000",
    ROOT: "./servers",
    NAME: "nom",
    EMPTY: "",
  }

  test("are the values given to servers, once each; not those of ports, paths and policies", async () => {
    const manifest = await load(
      [
        "host:\n  name: ${NAME}",
        "endpoint:\n  http:\n    port: ${PORT}",
        "servers:",
        "  a:\n    import: ${ROOT}/notes\n    config:\n      x: ${TOKEN}\n      y: ${EMPTY}\n      z: ${file:secret}",
        "  b:\n    mount:\n      command: ${ROOT}/x\n      args: ['--token=${TOKEN}']\n      cwd: ${ROOT}",
        "  c:\n    mount: https://example.com/${TOKEN2:-fallback}",
        "  d:\n    mount: https://example.com/${OTHER}",
      ].join("\n"),
      { env: { ...env, OTHER: "other" }, files: { secret: "from file\n" } },
    )
    expect([...manifest.secrets].sort()).toEqual(["from file", "nom", "other", "t0ken"])
  })

  test("never appear in an error, a frame or a help", async () => {
    const secret = "s3cr3t-value"
    const text = [
      "endpoint:\n  drain: ${S}\n  http:\n    port: ${S}\n    path: ${S}\n    publicUrl: ${S}\n  eras: ['${S}']",
      "host:\n  collisions: ${S}\n  icons: [{ src: './${S}' }, { src: './${S}.png' }]\n  websiteUrl: ${S}",
      "servers:",
      "  a:\n    import: ./${S}\n    onDown: ${S}\n    prefix: '${S} '\n    required: ${S}",
      '  b:\n    mount:\n      url: ${S}\n      headers:\n        X: "${S}\\n"\n    timeouts:\n      call: ${S}',
      "  c:\n    mount:\n      command: x\n      cwd: ./${S}",
      "  d:\n    mount: https://user:${S}@example.com",
      "  e:\n    mount: ${S}://x",
      "  f:\n    uris: protocol\n    prefix: _${S}\n    mount: x",
      "  g:\n    mount:\n      package: ./${S}#y",
    ].join("\n")
    const error = await failure(text, { env: { S: secret } })
    expect(error.problems.length).toBeGreaterThanOrEqual(20)
    const shown = [error.message, error.help, error.stack, JSON.stringify(error), JSON.stringify(error.problems)]
    shown.push(error.format({ color: false }), error.format({ color: true }))
    for (const part of shown) expect(part).not.toContain(secret)
  })
})
