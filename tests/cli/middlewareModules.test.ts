/** Middleware and packages in a folder where nothing is installed: they import the host's public API and zod all the same. */
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { cleanUp, cli, project } from "./support.ts"

// Each test runs several commands, one after the other.
vi.setConfig({ testTimeout: 120_000 })
afterEach(cleanUp)

const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")

const esm = `import { defineMiddleware, ProtocolError, rpcCodes } from "mcp-host"
import { z } from "zod"
`
const common = `const { defineMiddleware, ProtocolError, rpcCodes } = require("mcp-host")
const { z } = require("zod")
`
const body = `({
  name: "polite",
  options: z.strictObject({ word: z.string().default("please") }),
  create: ({ word }) => ({
    async callTool(request, context, next) {
      if (request.params.arguments?.word === word) return next(request, context)
      throw new ProtocolError(rpcCodes.invalidParams, "say " + word, { word })
    },
  }),
})
`
const types = `const typed: number = 1\n`

const kinds: [name: string, files: Record<string, string>][] = [
  ["m.ts", { "m.ts": `${esm}${types}export default defineMiddleware${body}` }],
  ["m.mts", { "m.mts": `${esm}${types}export default defineMiddleware${body}` }],
  [
    "esm/m.ts",
    { "esm/m.ts": `${esm}${types}export default defineMiddleware${body}`, "esm/package.json": '{"type":"module"}' },
  ],
  ["m.mjs", { "m.mjs": `${esm}export default defineMiddleware${body}` }],
  ["esm/m.js", { "esm/m.js": `${esm}export default defineMiddleware${body}`, "esm/package.json": '{"type":"module"}' }],
  ["m.cjs", { "m.cjs": `${common}module.exports = defineMiddleware${body}` }],
  [
    "apart.ts",
    {
      "apart.ts": 'export { default } from "./other.ts"\n',
      "other.ts": `${esm}export default defineMiddleware${body}`,
    },
  ],
]

function folder(files: Record<string, string>, list: object[]): string {
  const cwd = project(JSON.stringify({ middleware: list, servers: { r: { mount: raw } } }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(cwd, name)), { recursive: true })
    writeFileSync(path.join(cwd, name), text)
  }
  return cwd
}

const call = (word: string) => ["call", "r_do_result", "--json", JSON.stringify({ word, result: { content: [] } })]

describe("a module of one's own", () => {
  it.each(kinds)("%s imports mcp-host and zod", async (name, files) => {
    const cwd = folder(files, [{ use: `./${name}`, options: { word: "thanks" } }])
    // The error is the host's, whichever copy of the class made it.
    expect(await cli(call("hey"), { cwd })).toMatchObject({ code: 1, stderr: expect.stringContaining("say thanks") })
  })

  it("has its options checked by its own schema", async () => {
    const [[name, files] = ["", {}]] = kinds
    const cwd = folder(files, [{ use: `./${name}`, options: { wort: 1 } }])
    expect(await cli(["check"], { cwd })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/mcp-host\.yaml:1:\d+: .*options of \.\/.*wort/),
    })
  })

  it("imports them also beside others that were loaded before", async () => {
    const plain = "export default { name: 'plain', create: () => ({}) }"
    const all = Object.assign({}, ...kinds.map(([, files]) => files)) as Record<string, string>
    const cwd = folder({ ...all, "plain.ts": plain, "plain.mjs": plain, "plain.mts": plain }, [
      ...[{ use: "./plain.ts" }, { use: "./plain.mts" }, { use: "./plain.mjs" }],
      ...kinds.map(([name]) => ({ use: `./${name}` })),
    ])
    expect(await cli(call("please"), { cwd })).toMatchObject({ code: 0 })
    expect(await cli(call("hey"), { cwd })).toMatchObject({ code: 1, stderr: expect.stringContaining("say please") })
  })

  it("has the zod that is installed where it lies", async () => {
    const cwd = folder(
      {
        "m.mjs": `${esm}export default defineMiddleware({ name: z.own, create: () => ({}) })`,
        "node_modules/zod/package.json": '{"name":"zod","exports":"./index.js","type":"module"}',
        "node_modules/zod/index.js": "export const z = { own: 1 }",
      },
      [{ use: "./m.mjs" }],
    )
    expect(await cli(["check"], { cwd })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("is not made with defineMiddleware"),
    })
  })

  it("is told by name when it cannot be made", async () => {
    const cwd = folder({ "m.mjs": "export default { name: 'mine', create: () => { throw new Error('no key') } }" }, [
      { use: "./m.mjs" },
    ])
    expect(await cli(["list"], { cwd })).toMatchObject({
      ...{
        code: 1,
        stderr: expect.stringMatching(/^error MIDDLEWARE_UNUSABLE: The middleware mine cannot be made: no key/),
      },
    })
  })
})
