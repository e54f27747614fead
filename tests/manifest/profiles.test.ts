/** `profiles`: what a manifest says about further endpoints over its servers. */
import { describe, expect, test } from "vitest"
import { load, problems } from "./support.ts"

test("profiles are kept in the order of the file, with their filters", async () => {
  const manifest = await load(
    `servers: { a: { mount: x }, b: { mount: x } }
profiles:
  z: { title: Z, instructions: Only z, servers: [b], tags: { exclude: [write] }, tools: { include: ["b_*"] } }
  "1": {}
`,
  )
  expect(manifest.profiles).toMatchObject([
    {
      name: "z",
      title: "Z",
      instructions: "Only z",
      rules: { servers: ["b"], tags: { exclude: ["write"] }, tools: { include: ["b_*"] }, prompts: {}, resources: {} },
    },
    { name: "1", rules: { servers: undefined, tags: {} } },
  ])
  const [z] = manifest.profiles
  expect(z?.placeOf([])).toMatchObject({ line: 3, column: 3 })
  expect(z?.placeOf(["tags", "exclude", 0])).toMatchObject({ line: 3, column: 72 })
  expect((await load("servers: {}")).profiles).toEqual([])
})

test("included files may hold profiles, over the servers of all files", async () => {
  const manifest = await load("servers: { a: { mount: x } }\nprofiles: { p: {} }\ninclude: [more.yaml]", {
    files: { "more.yaml": "profiles: { q: { servers: [a] } }" },
  })
  expect(manifest.profiles.map(({ name }) => name)).toEqual(["p", "q"])
})

describe("problems", () => {
  test.each([
    [
      "a server that is not there",
      "p: { servers: [notes, note, files] }",
      [
        '3:25 MANIFEST_INVALID_VALUE profiles.p.servers[1]: there is no server "note". Did you mean "notes"? There are: notes',
        '3:31 MANIFEST_INVALID_VALUE profiles.p.servers[2]: there is no server "files". There are: notes',
      ],
    ],
    [
      "a key that is none",
      "p: { tag: {} }",
      [
        '3:8 MANIFEST_UNKNOWN_KEY unknown key "tag" in profiles.p. Did you mean "tags"? Allowed: title, instructions, servers, tags, tools, prompts, resources',
      ],
    ],
    [
      "a name that is no part of a path",
      "a/b: {}",
      [
        '3:3 MANIFEST_INVALID_VALUE the profile name "a/b" must be made of letters, digits, _ and -, beginning with a letter or digit',
      ],
    ],
    [
      "a filter that is none",
      "p: { tools: [a] }",
      [expect.stringMatching(/^3:15 MANIFEST_INVALID_VALUE profiles.p.tools/)],
    ],
  ])("%s", async (_name, profile, expected) => {
    expect(await problems(`servers: { notes: { mount: x } }\nprofiles:\n  ${profile}\n`)).toEqual(expected)
  })
})
