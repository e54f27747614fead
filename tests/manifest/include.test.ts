/** `include`: several files read as one manifest, and every problem told where it is. */
import { mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { loadManifest } from "../../src/manifest/load.ts"
import type { ManifestError } from "../../src/manifest/manifestError.ts"
import { type Files, folder, load, problemsOf } from "./support.ts"

describe("merging", () => {
  test("own servers first, then those of each file, files of a pattern by name", async () => {
    const manifest = await load("servers:\n  z: { mount: x }\ninclude: [./more/*.yaml, ./last.yaml]\n", {
      files: {
        "more/b.yaml": "servers: { b: { mount: x }, a: { mount: x } }",
        "more/a.yaml": "servers:\n  c: { import: x }\n",
        "more/.hidden.yaml": "servers: { hidden: { mount: x } }",
        "more/no.yml": "servers: { no: { mount: x } }",
        "more/deep.yaml/x.yaml": "servers: { deep: { mount: x } }",
        "last.yaml": "servers: { l: { mount: x } }",
      },
    })
    expect(manifest.servers.map(({ key }) => key)).toEqual(["z", "c", "b", "a", "l"])
    const c = manifest.servers[1]
    expect(c?.place).toEqual({ file: join(manifest.directory, "more/a.yaml"), line: 2, column: 3 })
  })

  test("the manifest itself need not have servers", async () => {
    const manifest = await load("include: [more.yaml]", { files: { "more.yaml": "servers: { a: { mount: x } }" } })
    expect(manifest.servers.map(({ key }) => key)).toEqual(["a"])
  })

  test("paths and files start at the folder of the file they are written in; .env is the manifest's", async () => {
    const manifest = await load(`servers: {}\ninclude: ["./\${WHERE}/*/in.yaml"]`, {
      files: {
        ".env": "WHERE=parts\nNAME=from the manifest",
        "parts/one/.env": "NAME=another",
        "parts/one/in.yaml": `servers:
  a: { import: ./pack }
  b: { mount: { command: x, cwd: ./pack, env: { SECRET: "\${file:secret}", NAME: "\${NAME}" } } }
include: [../two.yaml]`,
        "parts/one/secret": "s3cret",
        "parts/one/pack/index.js": "",
        "parts/two.yaml": "servers: { c: { import: ./one/pack } }",
      },
    })
    const pack = join(manifest.directory, "parts/one/pack")
    expect(manifest.servers.map(({ target }) => target)).toMatchObject([
      { specifier: pack },
      { cwd: pack, env: { SECRET: "s3cret", NAME: "from the manifest" } },
      { specifier: pack },
    ])
    expect(manifest.secrets).toContain("s3cret")
  })

  test("a file named twice counts once", async () => {
    const manifest = await load("servers: {}\ninclude: [./a.yaml, ./*a.yaml, ./b.yaml]", {
      files: { "a.yaml": "servers: { a: { mount: x } }", "b.yaml": "include: [a.yaml]" },
    })
    expect(manifest.servers.map(({ key }) => key)).toEqual(["a"])
  })

  test("whoever watches is told of everything that counts, also when it is not there", async () => {
    const root = folder({
      "mcp-host.yaml": "servers: {}\ninclude: [./more/*.yaml, ./gone.yaml]",
      "more/a.yaml": `servers: { a: { mount: { url: "https://x/\${file:token}" } } }`,
    })
    const watched: string[] = []
    await loadManifest(join(root, "mcp-host.yaml"), { env: {}, watch: (path) => watched.push(path) }).catch(() => 0)
    expect(watched.map((path) => path.replace(`${root}/`, ""))).toEqual(
      expect.arrayContaining(["mcp-host.yaml", ".env", "more/*.yaml", "more/a.yaml", "more/token", "gone.yaml"]),
    )
  })
})

describe("problems", () => {
  test("are told where they are, in all files at once", async () => {
    const found = await problemsOf({
      "mcp-host.yaml": "servers:\n  a: { mout: x }\ninclude:\n  - ./more/*.yaml\nhost: { nam: x }\n",
      "more/1.yaml": "servers:\n  b:\n    mount: { command: x, cwd: ./none }\n",
      "more/2.yaml": `servers:\n  c: { mount: x, session: sometimes }\n  d: { mount: "\${MISSING}" }\n`,
      "more/3.yaml": "servers: [\n",
    })
    expect(found).toEqual([
      expect.stringMatching(/^mcp-host.yaml:2:3 MANIFEST_MISSING_KEY servers.a needs one of/),
      expect.stringMatching(/^mcp-host.yaml:2:8 MANIFEST_UNKNOWN_KEY unknown key "mout" in servers.a/),
      expect.stringMatching(/^mcp-host.yaml:5:9 MANIFEST_UNKNOWN_KEY unknown key "nam" in host/),
      expect.stringMatching(/^more\/1.yaml:3:31 MANIFEST_MISSING_PATH .*"\.\/none" does not exist/),
      expect.stringMatching(/^more\/2.yaml:2:27 MANIFEST_INVALID_VALUE servers.c.session must be/),
      expect.stringMatching(/^more\/2.yaml:3:16 MANIFEST_MISSING_VARIABLE/),
      expect.stringMatching(/^more\/3.yaml:2:1 MANIFEST_SYNTAX/),
    ])
  })

  test("a frame is cut from the file the problem is in", async () => {
    const root = folder({
      "mcp-host.yaml": "include: [a.yaml]",
      "a.yaml": "servers:\n  bad: { mount: x, sesion: shared }\n",
    })
    const error = await loadManifest(join(root, "mcp-host.yaml"), { env: {} }).catch((thrown: unknown) => thrown)
    expect((error as ManifestError).format({ color: false })).toMatch(/a\.yaml:2:20: .*\n.*\n> 2 \| {3}bad: \{ mount/)
  })

  test("a key given twice names both places", async () => {
    expect(
      await problemsOf({
        "mcp-host.yaml": "servers:\n  a: { mount: x }\ninclude: [more/b.yaml, more/c.yaml]\n",
        "more/b.yaml": "servers:\n  a: { mount: y }\n  b: { mount: y }\n",
        "more/c.yaml": "servers: { b: { mount: z } }\n",
      }),
    ).toEqual([
      'more/b.yaml:2:3 MANIFEST_DUPLICATE_KEY the key "a" of servers is given twice, first at ../mcp-host.yaml:2:3',
      'more/c.yaml:1:12 MANIFEST_DUPLICATE_KEY the key "b" of servers is given twice, first at ./b.yaml:3:3',
    ])
  })

  test.each([
    [
      "a file that is not there",
      "[./no.yaml]",
      {},
      /1:26 MANIFEST_MISSING_PATH include: the file "\.\/no.yaml" does not/,
    ],
    ["a pattern that matches nothing", "[./more/*.yaml]", {}, /1:26 MANIFEST_MISSING_PATH include: no file matches "/],
    ["a folder", "[./more]", { "more/": "" }, /1:26 MANIFEST_UNREADABLE include: the file "\.\/more" is a folder/],
    ["itself", '["*.yaml"]', {}, /1:26 MANIFEST_CYCLE .*: \.\/mcp-host.yaml → \.\/mcp-host.yaml/],
    ["no list", "./more.yaml", {}, /1:25 MANIFEST_INVALID_VALUE include must be a list of paths, given/],
    ["no text", "[1]", {}, /1:26 MANIFEST_INVALID_VALUE include\[0\] must be a path/],
    ["an empty file", "[x]", { x: "" }, /^x:1:1 MANIFEST_EMPTY/],
    ["a list", "[x]", { x: "- a" }, /^x:1:1 MANIFEST_INVALID_VALUE the manifest must be a mapping/],
    ["another section", "[x]", { x: "server: {}" }, /^x:1:1 MANIFEST_UNKNOWN_KEY .* Did you mean "servers"\? Allowed:/],
    [
      "a section that is none",
      "[x]",
      { x: "servers: [a]" },
      /^x:1:10 MANIFEST_INVALID_VALUE servers must be a mapping/,
    ],
    ["an include that is none", "[x]", { x: "include: y" }, /^x:1:10 MANIFEST_INVALID_VALUE include must be a list/],
  ] as [string, string, Files, RegExp][])("%s", async (_name, include, files, expected) => {
    const [only, ...others] = await problemsOf({ ...files, "mcp-host.yaml": `{ servers: {}, include: ${include} }` })
    expect(only).toMatch(expected)
    expect(others).toEqual([])
  })

  test("a circle is told with its whole way", async () => {
    expect(
      await problemsOf({
        "mcp-host.yaml": "servers: {}\ninclude: [a/a.yaml]",
        "a/a.yaml": "include: [../b/b.yaml]",
        "b/b.yaml": "servers: {}\ninclude:\n  - ../a/a.yaml\n",
      }),
    ).toEqual([
      'b/b.yaml:3:5 MANIFEST_CYCLE include: "../a/a.yaml" comes back to a file that includes it: ../a/a.yaml → ./b.yaml → ../a/a.yaml',
    ])
  })

  test("links that lead in circles end too", async () => {
    const root = folder({
      "mcp-host.yaml": "servers: {}\ninclude: [./in/a.yaml]",
      "in/a.yaml": "include: [./up/*/a.yaml]",
    })
    mkdirSync(join(root, "in/up"))
    symlinkSync("..", join(root, "in/up/again"))
    await expect(loadManifest(join(root, "mcp-host.yaml"), { env: {} })).rejects.toThrow(/comes back to a file/)
  })

  test("more files than anybody needs are refused", async () => {
    const files = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`m/${at}.yaml`, "servers: {}"]))
    expect(await problemsOf({ ...files, "mcp-host.yaml": "servers: {}\ninclude: [m/*.yaml]" })).toEqual([
      "mcp-host.yaml:2:11 MANIFEST_TOO_LARGE include: the manifest includes more than 256 files",
    ])
  })
})
