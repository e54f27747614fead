/** `override`: what is accepted, what is refused and where, and what it is read as. */
import { describe, expect, test } from "vitest"
import { server, serverProblems } from "./support.ts"

const tool = (text: string) => `mount: x\ntools:\n  override:\n    create:\n      ${text}`
const argument = (text: string) => tool(`args: { limit: ${text} }`)

test("is read as it is written, and keeps its places", async () => {
  const entry = await server(
    `mount: { command: x }
tools:
  exclude: [a, b]
  override:
    create:
      name: new_one
      annotations: { destructiveHint: true }
      args: { repo: { hide: true, value: [1, null] }, limit: { default: 10, name: max } }
prompts: { override: { greet: { title: T, args: { name: { required: false } } } } }
resources: { override: { "n://{x}": { name: shown, hide: false } } }`,
  )
  expect(entry.rules.tools.override).toEqual({
    create: {
      name: "new_one",
      annotations: { destructiveHint: true },
      args: { repo: { hide: true, value: [1, null] }, limit: { default: 10, name: "max" } },
    },
  })
  expect(entry.rules.prompts.override).toEqual({ greet: { title: "T", args: { name: { required: false } } } })
  expect(entry.rules.resources.override).toEqual({ "n://{x}": { name: "shown", hide: false } })
  const at = (...path: (string | number)[]) => {
    const { line, column } = entry.placeOf(path)
    return `${line}:${column}`
  }
  expect(at("tools", "exclude", 1)).toBe("5:20")
  expect(at("tools", "override", "create")).toBe("7:9")
  expect(at("tools", "override", "create", "args", "limit")).toBe("10:59")
  // What is not written is where it would be.
  expect(at("tools", "include")).toBe(at("tools"))
})

test("a hidden value that came through a reference is kept from being shown", async () => {
  const { load } = await import("./support.ts")
  const manifest = await load(
    'servers:\n  a:\n    mount: { command: x }\n    tools: { override: { t: { args: { key: { hide: true, value: "${KEY}" } } } } }\n',
    { env: { KEY: "s3cret" } },
  )
  expect(manifest.secrets).toEqual(["s3cret"])
})

describe("problems", () => {
  test.each([
    ["an unknown key", tool("nam: x"), /^5:7 MANIFEST_UNKNOWN_KEY unknown key "nam" in .*Did you mean "name"\?/],
    ["a key of resources", tool("uri: x"), /^5:7 MANIFEST_UNKNOWN_KEY unknown key "uri"/],
    [
      "a name of other characters",
      tool("name: a b"),
      /^5:13 MANIFEST_INVALID_VALUE .*override\.create\.name must be made of/,
    ],
    ["hide as text", tool("hide: yes"), /^5:13 MANIFEST_INVALID_VALUE .*hide must be true or false/],
    [
      "a value that is not hidden",
      argument("{ value: 1 }"),
      /^5:24 MANIFEST_INVALID_VALUE .*limit\.value is only for a hidden argument/,
    ],
    [
      "what a hidden argument cannot have",
      argument("{ hide: true, value: 1, default: 2 }"),
      /^5:46 MANIFEST_INVALID_VALUE .*limit\.default means nothing: the argument is hidden/,
    ],
    [
      "required with a default",
      argument("{ required: true, default: 2 }"),
      /^5:24 MANIFEST_INVALID_VALUE .*limit\.required means nothing: the argument has a default/,
    ],
    [
      "two arguments of one name",
      tool("args: { a: { name: c }, b: { name: c } }"),
      /^5:31 MANIFEST_INVALID_VALUE .*args: "a" and "b" would both be called "c"/,
    ],
    [
      "two tools of one name",
      "mount: x\ntools:\n  override:\n    a: { name: b }\n    b: { title: B }",
      /^5:5 MANIFEST_INVALID_VALUE servers\.a\.tools\.override: "a" and "b" would both be called "b"/,
    ],
  ])("%s", async (_, entry, expected) => {
    expect(await serverProblems(entry.replace("mount: x", "mount: { command: x }"))).toEqual([
      expect.stringMatching(expected),
    ])
  })

  test("names may be swapped", async () => {
    const entry = await server("mount: { command: x }\ntools: { override: { a: { name: b }, b: { name: a } } }")
    expect(Object.keys(entry.rules.tools.override ?? {})).toEqual(["a", "b"])
  })
})
