/** Manifests composed by manifests. */
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import type { Manifest } from "../../src/manifest/types.ts"
import { load, problemsOf } from "./support.ts"

function inside(manifest: Manifest, at = 0): Manifest {
  const target = manifest.servers[at]?.target
  if (target?.kind !== "manifest") throw new Error("it is no manifest")
  return target.manifest
}

const two = {
  "mcp-host.yaml": "servers:\n  team: { mount: { manifest: ./team/host.yaml } }\n",
  "team/host.yaml": "servers:\n  deep: { mount: { manifest: deep/host.yaml } }\n",
}

describe("a manifest inside a manifest", () => {
  test("is read whole: its own paths, its own .env, its servers by path", async () => {
    const manifest = await load("servers: { team: { mount: { manifest: ./team/host.yaml } } }", {
      files: {
        ".env": "WHO=outer",
        "team/.env": "WHO=inner\nTOKEN=t0ken-of-team",
        "team/pack/index.js": "",
        "team/host.yaml": `defaults: { onDown: skip }
servers:
  pack: { mount: ./pack, config: { who: "\${WHO}", token: "\${TOKEN}" } }
  deep: { mount: { manifest: deep/host.yaml } }
`,
        "team/deep/host.yaml": "host: { name: depths }\nservers: { x: { mount: some-package } }",
      },
    })
    const team = inside(manifest)
    expect(team.host.name).toBe("team")
    expect(team.servers.map(({ key, rules }) => [key, rules.server, rules.prefix])).toEqual([
      ["team/pack", "team/pack", "pack"],
      ["team/deep", "team/deep", "deep"],
    ])
    expect(team.servers[0]).toMatchObject({
      target: { specifier: join(manifest.directory, "team/pack") },
      config: { who: "inner" },
      onDown: "skip",
    })
    expect(manifest.secrets).toContain("t0ken-of-team")
    expect(inside(team, 1)).toMatchObject({ host: { name: "depths" }, servers: [{ key: "team/deep/x" }] })
  })

  test("imported, it imports all there is in it", async () => {
    const manifest = await load("servers: { team: { import: { manifest: team.yaml } } }", {
      files: {
        "team.yaml": "servers: { a: { mount: x }, deep: { mount: { manifest: deep.yaml } } }",
        "deep.yaml": "servers: { b: { mount: x } }",
      },
    })
    expect(inside(manifest).servers.map(({ mode }) => mode)).toEqual(["import", "import"])
    expect(inside(inside(manifest), 1).servers.map(({ mode }) => mode)).toEqual(["import"])
  })

  test("may be composed twice", async () => {
    const manifest = await load("servers: { a: { mount: { manifest: t.yaml } }, b: { mount: { manifest: t.yaml } } }", {
      files: { "t.yaml": "servers: { x: { mount: p } }" },
    })
    expect([0, 1].flatMap((at) => inside(manifest, at).servers.map(({ key }) => key))).toEqual(["a/x", "b/x"])
  })

  test("says what of it counts for nothing", async () => {
    const manifest = await load("servers: { team: { mount: { manifest: team.yaml } } }", {
      files: { "team.yaml": "servers: {}\nendpoint: { drain: 1s }\nprofiles: { p: {} }\n" },
    })
    expect(manifest.warnings.map(({ message, place }) => [message, place.line])).toEqual([
      ["endpoint of this manifest counts for nothing where it is composed as team", 2],
      ["profiles of this manifest counts for nothing where it is composed as team", 3],
    ])
  })
})

describe("problems", () => {
  test("of every manifest are told at once, each in its file", async () => {
    expect(
      await problemsOf({
        ...two,
        "mcp-host.yaml": `${two["mcp-host.yaml"]}  b: { mount: ./none }\n`,
        "team/host.yaml": `${two["team/host.yaml"]}  b: { mont: x }\n`,
        "team/deep/host.yaml": "servers: { c: { mount: x, session: s } }",
      }),
    ).toEqual([
      expect.stringMatching(/^mcp-host.yaml:3:15 MANIFEST_MISSING_PATH/),
      expect.stringMatching(/^team\/host.yaml:3:3 MANIFEST_MISSING_KEY/),
      expect.stringMatching(/^team\/host.yaml:3:8 MANIFEST_UNKNOWN_KEY/),
      expect.stringMatching(/^team\/deep\/host.yaml:1:36 MANIFEST_INVALID_VALUE/),
    ])
  })

  test("a circle is told with its whole way, where it closes", async () => {
    expect(
      await problemsOf({
        ...two,
        "team/deep/host.yaml": "servers:\n  up: { import: { manifest: ../../mcp-host.yaml } }",
      }),
    ).toEqual([
      'team/deep/host.yaml:2:29 MANIFEST_CYCLE servers.up.import.manifest: the manifest "../../mcp-host.yaml" composes itself: mcp-host.yaml → team/host.yaml → team/deep/host.yaml → mcp-host.yaml',
    ])
  })

  test.each([
    ["is not there", "mount: { manifest: ./none.yaml }", /1:36 MANIFEST_MISSING_PATH .*"\.\/none.yaml" does not exist/],
    ["is a folder", "mount: { manifest: ./dir }", /1:36 MANIFEST_UNREADABLE .*"\.\/dir" is a folder/],
    ["is empty", "mount: { manifest: ./e.yaml }", /^e.yaml:1:1 MANIFEST_EMPTY/],
    ["has an era", "mount: { manifest: ./t.yaml, era: auto }", /1:46 MANIFEST_UNKNOWN_KEY unknown key "era"/],
    ["has config", "mount: { manifest: ./t.yaml }, config: {}", /1:48 MANIFEST_INVALID_VALUE .*only for in-process/],
    [
      "has sessions",
      "mount: { manifest: ./t.yaml }, session: shared",
      /1:48 MANIFEST_INVALID_VALUE .*its servers have/,
    ],
    ["is more than that", "mount: { manifest: ./t.yaml, url: https://x }", /has url and manifest; only one of/],
  ])("a manifest that %s", async (_name, entry, expected) => {
    const files = { "dir/": "", "e.yaml": "", "t.yaml": "servers: {}" }
    const found = await problemsOf({ ...files, "mcp-host.yaml": `servers: { a: { ${entry} } }` })
    expect(found).toEqual([expect.stringMatching(expected)])
  })
})
