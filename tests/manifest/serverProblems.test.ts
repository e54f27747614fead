import { describe, expect, test } from "vitest"
import { serverProblems } from "./support.ts"

describe("a server", () => {
  test.each([
    [
      "neither import nor mount",
      "prefix: x",
      "0:-1 MANIFEST_MISSING_KEY servers.a needs one of the keys import and mount",
    ],
    [
      "both",
      "import: x\nmount: y",
      "2:1 MANIFEST_INVALID_VALUE servers.a has import and mount; only one of them is allowed",
    ],
    [
      "nothing",
      "mount:",
      /^1:7 .*must be a path, an npm package, a URL, or a mapping with command, url, package or manifest, given nothing$/,
    ],
    ["a number", "mount: 1", /^1:8 .*given 1$/],
    ["a list", "mount: [x]", /^1:8 .*given a list$/],
    ["a missing path", "mount: ./none", '1:8 MANIFEST_MISSING_PATH servers.a.mount: the path "./none" does not exist'],
    [
      "a missing path and export",
      "mount: ./none#x",
      '1:8 MANIFEST_MISSING_PATH servers.a.mount: the path "./none#x" does not exist',
    ],
    [
      "a missing package path",
      "import: { package: ./none }",
      '1:20 MANIFEST_MISSING_PATH servers.a.import.package: the path "./none" does not exist',
    ],
    [
      "a missing cwd",
      "mount: { command: x, cwd: ./none }",
      '1:27 MANIFEST_MISSING_PATH servers.a.mount.cwd: the path "./none" does not exist',
    ],
    [
      "a cwd that is a file",
      "mount: { command: x, cwd: ./servers/notes/index.js }",
      /^1:27 MANIFEST_MISSING_PATH .*is not a folder$/,
    ],
    ["a home path", "mount: ~/x", /^1:8 MANIFEST_INVALID_VALUE .*given "~\/x"$/],
    ["another scheme", "mount: ws://x", /^1:8 MANIFEST_INVALID_VALUE/],
    ["a file URL", "mount: file:///x", /^1:8 MANIFEST_INVALID_VALUE/],
    ["a version", "mount: some-package@1.2.3", /^1:8 MANIFEST_INVALID_VALUE/],
    ["a broken URL", "mount: https://", /^1:8 MANIFEST_INVALID_VALUE/],
    [
      "a URL with credentials",
      "mount: https://u:p@example.com",
      /^1:8 .*the URL holds a user name or password, which are not allowed there$/,
    ],
    ["a package that is a URL", "mount: { package: 'https://x' }", /^1:19 MANIFEST_INVALID_VALUE/],
    [
      "an empty mapping",
      "mount: {}",
      "1:1 MANIFEST_MISSING_KEY servers.a.mount needs one of the keys command, url, package, manifest",
    ],
    [
      "command and url",
      "mount: { command: x, url: 'https://x' }",
      "1:22 MANIFEST_INVALID_VALUE servers.a.mount has command and url; only one of command, url, package and manifest is allowed",
    ],
    [
      "misspelt command",
      "mount: { comand: x, args: [] }",
      '1:10 MANIFEST_UNKNOWN_KEY unknown key "comand" in servers.a.mount. Did you mean "command"? It needs one of the keys command, url, package, manifest',
    ],
    [
      "a key of another form",
      "mount: { command: x, headers: {} }",
      '1:22 MANIFEST_UNKNOWN_KEY unknown key "headers" in servers.a.mount. Allowed: command, args, env, cwd, era, inheritEnv',
    ],
    [
      "a misspelt key of the form",
      "mount: { url: 'https://x', header: {} }",
      /^1:28 MANIFEST_UNKNOWN_KEY .*Did you mean "headers"\?/,
    ],
    [
      "wrong command",
      "mount: { command: [x] }",
      "1:19 MANIFEST_INVALID_VALUE servers.a.mount.command must be text, given a list",
    ],
    [
      "wrong args",
      "mount: { command: x, args: -y }",
      '1:28 MANIFEST_INVALID_VALUE servers.a.mount.args must be a list of texts, given "-y"',
    ],
    [
      "wrong argument",
      "mount: { command: x, args: [a, 1] }",
      "1:32 MANIFEST_INVALID_VALUE servers.a.mount.args[1] must be text, given 1",
    ],
    [
      "wrong era",
      "mount: { command: x, era: old }",
      '1:27 MANIFEST_INVALID_VALUE servers.a.mount.era must be "auto", "legacy" or "modern", given "old"',
    ],
    [
      "wrong url",
      "mount: { url: example.com }",
      /^1:15 .*servers\.a\.mount\.url must be an http:\/\/ or https:\/\/ URL, given "example\.com"$/,
    ],
    [
      "a literal credential is not shown",
      "mount: { url: 'https://x', headers: { A: 12345 } }",
      /^1:42 .*as an HTTP header can carry, given a number$/,
    ],
    [
      "a header name",
      "mount: { url: 'https://x', headers: { 'A B': x } }",
      /^1:39 .*the key must be the name of an HTTP header$/,
    ],
    ["a header of two lines", 'mount: { url: "https://x", headers: { A: "x\\ny" } }', /^1:42 MANIFEST_INVALID_VALUE/],
    ["a variable name", "mount: { command: x, env: { 'A=B': x } }", /^1:29 .*the key must be the name of a variable$/],
    [
      "two exports",
      "mount: { package: x#y, export: z }",
      "1:32 MANIFEST_INVALID_VALUE servers.a.mount names an export twice, after # and as export",
    ],
    [
      "target keys one level up",
      "command: npx\nmount: x",
      /^1:1 MANIFEST_UNKNOWN_KEY unknown key "command" in servers\.a\. It belongs inside mount or import\./,
    ],
    [
      "mode of a command",
      "mode: proxy\nmount: { command: x }",
      "1:1 MANIFEST_INVALID_VALUE servers.a.mode is only for in-process packages; this server is a command, a URL or a manifest",
    ],
    [
      "config of a URL",
      "mount: https://x\nconfig: {}",
      "2:1 MANIFEST_INVALID_VALUE servers.a.config is only for in-process packages; this server is a command, a URL or a manifest",
    ],
    [
      "config that is no mapping",
      "mount: x\nconfig: [1]",
      "2:9 MANIFEST_INVALID_VALUE servers.a.config must be a mapping, given a list",
    ],
    [
      "prefix",
      "mount: x\nprefix: a/b",
      /^2:9 .*servers\.a\.prefix must be made of letters, digits, "_", "-" and "\.", or "" for no prefix, given "a\/b"$/,
    ],
    ["a prefix that no scheme can have", "mount: x\nprefix: a_b\nuris: protocol", /^2:9 .*"a_b" cannot/],
    [
      "a deadline of nothing",
      "mount: x\ntimeouts: { call: 0s }",
      /^2:19 .*must be a duration longer than nothing, such as/,
    ],
    [
      "a misspelt timeout",
      "mount: x\ntimeouts: { cal: 1s }",
      /^2:13 .*Did you mean "call"\? Allowed: start, list, call, total$/,
    ],
    [
      "required as text",
      "mount: x\nrequired: yes",
      '2:11 MANIFEST_INVALID_VALUE servers.a.required must be true or false, given "yes"',
    ],
    [
      "tags as text",
      "mount: x\ntags: { include: public }",
      '2:18 MANIFEST_INVALID_VALUE servers.a.tags.include must be a list of tags, given "public"',
    ],
    [
      "an assigned tag as text",
      "mount: x\ntags: { assign: { '*': a } }",
      /^2:24 .*servers\.a\.tags\.assign\["\*"\] must be a list of tags, given "a"$/,
    ],
    [
      "a glob that is a number",
      "mount: x\ntools: { include: [1] }",
      "2:20 MANIFEST_INVALID_VALUE servers.a.tools.include[0] must be a glob, given 1",
    ],
  ])("%s", async (_, entry, expected) => {
    expect(await serverProblems(entry)).toEqual([
      typeof expected === "string" ? expected : expect.stringMatching(expected),
    ])
  })
})
