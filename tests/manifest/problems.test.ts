import { describe, expect, test } from "vitest"
import { failure, problems } from "./support.ts"

describe("keys and values", () => {
  test.each([
    [
      "missing servers",
      "host: { name: x }",
      "1:1 MANIFEST_MISSING_KEY servers is missing; it must be a mapping of server keys to servers",
    ],
    [
      "empty servers",
      "servers:",
      "1:9 MANIFEST_INVALID_VALUE servers must be a mapping of server keys to servers, given nothing",
    ],
    [
      "servers as a list",
      "servers: []",
      "1:10 MANIFEST_INVALID_VALUE servers must be a mapping of server keys to servers, given a list",
    ],
    [
      "unknown key",
      "servers: {}\nfoo: 1",
      '2:1 MANIFEST_UNKNOWN_KEY unknown key "foo" at the top of the manifest. Allowed: host, endpoint, security, storage, middleware, telemetry, defaults, servers, profiles, include',
    ],
    [
      "misspelt key",
      "servers: {}\nendpoint: { htpp: {} }",
      '2:13 MANIFEST_UNKNOWN_KEY unknown key "htpp" in endpoint. Did you mean "http"? Allowed: drain, http, eras',
    ],
    [
      "wrong case",
      "servers: {}\nhost: { Name: x }",
      /^2:9 MANIFEST_UNKNOWN_KEY unknown key "Name" in host\. Did you mean "name"\?/,
    ],
    [
      "not a policy",
      "servers: {}\ndefaults: { prefix: x }",
      '2:13 MANIFEST_UNKNOWN_KEY unknown key "prefix" in defaults. Allowed: uris, session, onDown, required, timeouts, start, idleTimeout, concurrency, queue',
    ],
    [
      "number for text",
      "servers: {}\nhost: { version: 1.0 }",
      "2:18 MANIFEST_INVALID_VALUE host.version must be text, given 1.0",
    ],
    [
      "empty text",
      "servers: {}\nhost: { name: '' }",
      '2:15 MANIFEST_INVALID_VALUE host.name must be text that is not empty, given ""',
    ],
    [
      "text for a number",
      "servers: {}\nhost: { nameBudget: lots }",
      '2:21 MANIFEST_INVALID_VALUE host.nameBudget must be a whole number from 16 to 128, given "lots"',
    ],
    [
      "a number too small",
      "servers: {}\nhost: { nameBudget: 15 }",
      "2:21 MANIFEST_INVALID_VALUE host.nameBudget must be a whole number from 16 to 128, given 15",
    ],
    [
      "a fraction",
      "servers: {}\nendpoint: { http: { port: 1.5 } }",
      "2:27 MANIFEST_INVALID_VALUE endpoint.http.port must be a whole number from 0 to 65535, given 1.5",
    ],
    ["a port too large", "servers: {}\nendpoint: { http: { port: 65536 } }", /^2:27 .* from 0 to 65535, given 65536$/],
    [
      "a choice",
      "servers: {}\nhost: { collisions: eror }",
      '2:21 MANIFEST_INVALID_VALUE host.collisions must be "error", "first" or "last", given "eror". Did you mean "error"?',
    ],
    [
      "a choice far off",
      "servers: {}\nhost: { separator: '::' }",
      '2:20 MANIFEST_INVALID_VALUE host.separator must be "_", "__", "-" or ".", given "::"',
    ],
    [
      "a duration",
      "servers: {}\nendpoint: { drain: 30 }",
      "2:20 MANIFEST_INVALID_VALUE endpoint.drain must be a duration such as 250ms, 10s, 5m or 1h (at most 596h), given 30",
    ],
    ["no eras", "servers: {}\nendpoint: { eras: [] }", /^2:19 MANIFEST_INVALID_VALUE/],
    [
      "an unknown era",
      "servers: {}\nendpoint: { eras: [modern, moden] }",
      /^2:28 .*endpoint\.eras\[1\] must be "legacy" or "modern", given "moden"\. Did you mean "modern"\?$/,
    ],
    [
      "a path without slash",
      "servers: {}\nendpoint: { http: { path: mcp } }",
      /^2:27 .*must be a path beginning with "\/", without query, given "mcp"$/,
    ],
    ["a taken path", "servers: {}\nendpoint: { http: { path: /readyz/ } }", /^2:27 .*is a route of the host itself/],
    [
      "a URL",
      "servers: {}\nhost: { websiteUrl: example.com }",
      /^2:21 .*must be an http:\/\/ or https:\/\/ URL, given "example.com"$/,
    ],
    [
      "an icon without src",
      "servers: {}\nhost: { icons: [{ sizes: [1x1] }] }",
      /^2:17 MANIFEST_MISSING_KEY host\.icons\[0\]\.src is missing; it must be text$/,
    ],
    [
      "a middleware by its name alone that needs an option",
      "servers: {}\nmiddleware: [errors, audit]",
      /^2:22 MANIFEST_MISSING_KEY middleware\[1\]\.file is missing; it must be the path of a file$/,
    ],
    [
      "a missing icon",
      "servers: {}\nhost: { icons: [{ src: ./none.png }] }",
      '2:24 MANIFEST_MISSING_PATH host.icons[0].src: the file "./none.png" does not exist',
    ],
    [
      "an icon of unknown type",
      "servers: {}\nhost: { icons: [{ src: ./none.xyz }] }",
      /^2:24 MANIFEST_INVALID_VALUE .*the media type of ".\/none.xyz" is not known$/,
    ],
    [
      "a server key",
      "servers: { 'a b': { mount: x } }",
      /^1:12 MANIFEST_INVALID_VALUE the server key "a b" must be made of letters/,
    ],
    [
      "a server that is empty",
      "servers:\n  a:\n",
      /^2:5 MANIFEST_INVALID_VALUE servers\.a must be a mapping of keys, given nothing$/,
    ],
  ])("%s", async (_, text, expected) => {
    expect(await problems(text)).toEqual([typeof expected === "string" ? expected : expect.stringMatching(expected)])
  })

  test("a prefix that is the key, and uris from defaults", async () => {
    const error = await failure(
      "defaults: { uris: protocol }\nservers:\n  my_notes: { mount: x }\n  ok: { mount: x }\n  also_ok: { mount: x, uris: path }",
    )
    expect(error.problems.map(({ place, help }) => [place.line, place.column, help])).toEqual([
      [3, 3, "Give another prefix such as my-notes, or set uris: path or uris: none for this server."],
    ])
  })

  test("help says to quote text that looks like something else", async () => {
    expect((await failure("servers: {}\nhost: { version: 1.0 }")).help).toBe(
      "If it is meant as text, put it in quotes.",
    )
  })

  test("a long key or value is shortened, and cannot change the terminal", async () => {
    const [first] = await problems(`servers: {}\n"${"x".repeat(5000)}": 1`)
    expect(first?.length).toBeLessThan(300)
    const [second] = await problems('servers: {}\n"a\\u202e\\x1b[31m": 1')
    expect(second).toContain('"a\\u202e\\u001b[31m"')
  })
})
