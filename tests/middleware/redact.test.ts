/** What `redact` replaces in what passes, both ways, and what it leaves as it is. */
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { createCounts } from "./counts.ts"
import { closeAll } from "./files.ts"
import { stdioMount, stdioServer } from "./stdioServer.ts"
import { raw, start } from "./support.ts"

afterEach(closeAll)

const email = "ada@example.com"

/** A host with `redact` around everything, or around one server. */
async function startWith(options: string, around: "host" | "server" = "host") {
  const item = `middleware: [{ redact: ${options} }]`
  const { metrics, value } = createCounts()
  const config = `{ capabilities: { tools: {}, logging: {} }, lists: { tools: [{ name: show, title: For ${email}, description: Ask ${email}, inputSchema: { type: object, properties: { title: { type: string, description: Of ${email}, enum: [${email}] } } } }] } }`
  const text = `${around === "host" ? item : ""}
servers:
  s: { ${stdioMount}${around === "host" ? "" : `, ${item}`} }
  r: { mount: ${raw}, config: ${config}${around === "host" ? "" : `, ${item}`} }`
  return { ...(await start(text, { files: stdioServer, metrics })), value }
}

describe.each(["host", "server"] as const)("around a %s", (around) => {
  it("changes texts of results, and neither blobs nor what identifies something", async () => {
    const { client, value } = await startWith(
      "{ in: [results], detect: [email, creditCard], keys: [password] }",
      around,
    )
    const image = { type: "image", data: email, mimeType: "image/png" }
    const link = { type: "resource_link", uri: `test://${email}/x`, name: `of ${email}` }
    const embedded = { type: "resource", resource: { uri: "test://e", mimeType: "text/plain", text: `a\n${email}` } }
    const result = await client().call("s_say", {
      result: {
        content: [{ type: "text", text: `Write to ${email} "now"` }, image, link, embedded],
        structuredContent: {
          to: [email],
          card: 4111111111111111,
          count: 3,
          login: { Password: { any: 1 } },
          id: email,
        },
        _meta: { note: email, "io.modelcontextprotocol/x": email },
        other: null,
      },
    })
    expect(result).toEqual({
      content: [
        { type: "text", text: 'Write to [redacted] "now"' },
        image,
        { ...link, uri: expect.stringContaining(email), name: "of [redacted]" },
        { type: "resource", resource: { ...embedded.resource, uri: expect.any(String), text: "a\n[redacted]" } },
      ],
      structuredContent: {
        ...{ to: ["[redacted]"], card: "[redacted]", count: 3, login: { Password: "[redacted]" }, id: "[redacted]" },
      },
      _meta: { note: "[redacted]", "io.modelcontextprotocol/x": email },
      other: null,
    })
    const server = around === "host" ? "" : "s"
    // Around everything, three words of what the other server lists are among them.
    expect(value("mcp_host_redact_total", { server, pattern: "email" })).toBe(around === "host" ? 9 : 6)
    expect(value("mcp_host_redact_total", { server, pattern: "keys" })).toBe(1)
  })

  it("changes what clients send, but not names", async () => {
    const { client } = await startWith("{ detect: [email], keys: ['*token'] }", around)
    const one = client()
    for (const server of ["s", "r"]) {
      const shown = await one.call(`${server}_show`, { to: email, list: [{ apiToken: 12, of: email }], n: 1 })
      const [{ text = "" } = {}] = shown["content"] as { text?: string }[]
      const sent = JSON.parse(text) as JsonObject
      expect("params" in sent ? (sent["params"] as JsonObject)["arguments"] : sent).toEqual({
        ...{ to: "[redacted]", list: [{ apiToken: "[redacted]", of: "[redacted]" }], n: 1 },
      })
    }
    const prompt = await one.request("prompts/get", { name: "s_say", arguments: { text: `to ${email}` } })
    expect(prompt).toMatchObject({ messages: [{ content: { text: "to [redacted]" } }] })
    const uri = `test://s/${email}/a`
    expect(await one.request("resources/read", { uri })).toEqual({
      contents: [
        { uri, text: "write to [redacted]" },
        { uri, blob: "YWRhQGV4YW1wbGUuY29t" },
      ],
    })
  })

  it("changes errors, but not URIs in them", async () => {
    const { client } = await startWith("{ in: [results], detect: [email] }", around)
    const error = { code: -32099, message: `no ${email}`, data: { uri: `test://${email}/x`, who: [email] } }
    await expect(client().call("s_fail", { error })).rejects.toMatchObject({
      message: "no [redacted]",
      ...{ code: -32099, data: { uri: expect.stringContaining(email), who: ["[redacted]"] } },
    })
  })

  it("changes log lines, progress, and what servers ask", async () => {
    const { client } = await startWith("{ detect: [email] }", around)
    const one = client({ capabilities: { sampling: {} } })
    await one.call("r_do_notify", {
      method: "notifications/message",
      params: { level: "error", logger: "x", data: { said: email } },
    })
    expect(one.heard).toEqual([
      { method: "notifications/message", params: { level: "error", logger: "x", data: { said: "[redacted]" } } },
    ])
    const asked: JsonObject[] = []
    const params = {
      maxTokens: 9,
      systemPrompt: email,
      messages: [{ role: "user", content: { type: "text", text: email } }],
    }
    const answer = await one.request(
      "tools/call",
      { name: "r_do_ask", arguments: { method: "sampling/createMessage", params } },
      {
        ask: async (question) => {
          asked.push(question.params)
          return { value: { role: "assistant", model: "m", content: { type: "text", text: `I am ${email}` } } }
        },
      },
    )
    // What the call says to ask was redacted on its way to the server already; the server says it again.
    expect(asked).toEqual([
      {
        maxTokens: 9,
        systemPrompt: "[redacted]",
        messages: [{ role: "user", content: { type: "text", text: "[redacted]" } }],
      },
    ])
    expect(answer).toMatchObject({ structuredContent: { result: { content: { text: "I am [redacted]" } } } })
  })
})

it("passes results without anything to find as the same bytes", async () => {
  const { client, host } = await startWith(
    "{ in: [results], detect: [email, creditCard], patterns: { ticket: 'TCK-\\d+' } }",
  )
  const one = client()
  // Smaller results are parsed as they come.
  const filling = "large ".repeat(8_000)
  const get = (text: string) => {
    const params = { name: "s_say", arguments: { result: { content: [{ type: "text", text: `${filling}${text}` }] } } }
    return host.handle({ method: "tools/call", params }, one.context())
  }
  expect((await get("nothing here")).bytes).toBeDefined()
  // What is escaped is parsed, and the bytes go on if nothing is in it.
  expect((await get("nothing\nhere")).bytes).toBeDefined()
  expect((await get("TCK-1")).bytes).toBeUndefined()
})

it("finds what JSON writes in another way", async () => {
  const { client } = await start(`middleware: [{ redact: { detect: [email] } }]\nservers: { s: { ${stdioMount} } }`, {
    files: {
      "server.mjs": stdioServer["server.mjs"].replace(
        "import {",
        `const { write } = process.stdout
process.stdout.write = (text) => write.call(process.stdout, text.replaceAll("ada@example", "ad\\\\u0061\\\\u0040example"))
import {`,
      ),
    },
  })
  const result = await client().call("s_say", { result: { content: [{ type: "text", text: "x ada@example.com" }] } })
  expect(result).toMatchObject({ content: [{ text: "x [redacted]" }] })
})

describe("directions", () => {
  it.each([
    ["[arguments]", { sent: "[redacted]", said: email, heard: email }],
    ["[results]", { sent: email, said: "[redacted]", heard: email }],
    ["[notifications]", { sent: email, said: email, heard: "[redacted]" }],
  ])("in: %s is that alone", async (places, expected) => {
    const { client } = await startWith(`{ detect: [email], in: ${places} }`, "server")
    const one = client()
    const seen: unknown[] = []
    const said = (await one.call("r_do_result", { result: { content: [{ type: "text", text: email }] } })) as JsonObject
    await one.call("r_do_notify", { method: "notifications/message", params: { level: "error", data: email } })
    seen.push(said, ...one.heard.map(({ params }) => params["data"]))
    const [{ text } = {}] = said["content"] as { text?: string }[]
    // Through arguments, what the tool is to say or tell is redacted before it gets there.
    const through = expected.sent === "[redacted]"
    expect(text).toBe(through ? "[redacted]" : expected.said)
    expect(seen[1]).toBe(through ? "[redacted]" : expected.heard)
  })
})

it("changes words of listed components, and not what servers compare", async () => {
  const { client } = await startWith("{ detect: [email] }")
  const { tools } = (await client().request("tools/list")) as { tools: JsonObject[] }
  expect(tools.find(({ name }) => name === "r_show")).toMatchObject({
    title: "For [redacted]",
    description: "Ask [redacted]",
    inputSchema: { properties: { title: { type: "string", description: "Of [redacted]", enum: [email] } } },
  })
})

it("looks into texts that are JSON for names of members, and keeps their form", async () => {
  const { client } = await startWith("{ detect: [email], keys: [PIN, '*secret*'], in: [results] }")
  const one = client()
  const textOf = async (text: string) => {
    const { content } = await one.call("s_say", { result: { content: [{ type: "text", text }] } })
    return (content as JsonObject[])[0]?.["text"]
  }
  expect(await textOf('{"pin":1234,"to":"ada@example.com","n":1}')).toBe('{"pin":"[redacted]","to":"[redacted]","n":1}')
  const pretty = JSON.stringify({ a: [{ clientSecretId: { x: 1 } }], b: null }, null, 2)
  expect(await textOf(pretty)).toBe(JSON.stringify({ a: [{ clientSecretId: "[redacted]" }], b: null }, null, 2))
  // A number that JavaScript cannot hold stays as it is written where nothing is found.
  expect(await textOf('{"big": 12345678901234567890}')).toBe('{"big": 12345678901234567890}')
  expect(await textOf('{ not json, "pin": 1')).toBe('{ not json, "pin": 1')
})

it("replaces by patterns of the manifest's, naming what it was", async () => {
  const { client, value } = await startWith(
    "{ detect: [], patterns: { ticket: '^TCK-\\d+' }, replacement: '<{name}>' }",
  )
  const result = await client().call("s_say", { result: { content: [{ type: "text", text: "TCK-12 TCK-13" }] } })
  expect(result).toMatchObject({ content: [{ text: "<ticket> TCK-13" }] })
  expect(value("mcp_host_redact_total", { server: "", pattern: "ticket" })).toBe(1)
})

describe("options", () => {
  it.each([
    [
      "{ patterns: { a: '(?=b)' } }",
      /^1:\d+ MIDDLEWARE_INVALID_OPTIONS options of redact, patterns\.a: .*no look-around/,
    ],
    ["{ patterns: { a: 'x*' } }", /MIDDLEWARE_INVALID_OPTIONS .*finds empty text/],
    ["{ detect: [phone] }", /^1:\d+ MANIFEST_INVALID_VALUE middleware\[0\]\.redact\.detect\[0\] must be "email"/],
    ["{ keyz: [a] }", /MANIFEST_UNKNOWN_KEY unknown key "keyz" .*Did you mean "keys"/],
    ["{ in: results }", /MANIFEST_INVALID_VALUE .*must be a list of directions/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ redact: ${options} }]\nservers: {}`).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ManifestError)
    const [problem] = (error as ManifestError).problems
    expect(`${problem?.place.line}:${problem?.place.column} ${problem?.code} ${problem?.message}`).toMatch(expected)
  })
})
