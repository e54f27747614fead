/** What `audit` records of requests, and what it does when it cannot. */
import { createHash } from "node:crypto"
import { rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import { digestOf, toAuditKey } from "../../src/middleware/audit/line.ts"
import { verifyLog } from "../../src/middleware/audit/verify.ts"
import { Cancellation } from "../../src/protocol/cancellation.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { linesOf } from "./audit/support.ts"
import { createCounts } from "./counts.ts"
import { closeAll } from "./files.ts"
import { stdioMount, stdioServer } from "./stdioServer.ts"
import { raw, start, v2 } from "./support.ts"

afterEach(closeAll)

const key = "k".repeat(40)

async function entries(file: string): Promise<JsonObject[]> {
  return (await linesOf(file)).map((line) => JSON.parse(line) as JsonObject)
}

async function requests(file: string): Promise<JsonObject[]> {
  return (await entries(file)).filter((entry) => "method" in entry)
}

async function startWith(options: string, more = "") {
  const { metrics, value, gauge } = createCounts()
  const text = `middleware: [{ audit: { file: ./logs/audit.jsonl${options} } }]
servers: { s: { mount: ${v2} }, r: { mount: ${raw} }, b: { ${stdioMount} } ${more} }`
  const started = await start(text, { files: stdioServer, metrics })
  return { ...started, value, gauge, file: path.join(started.directory, "logs/audit.jsonl") }
}

it("records who asked for what and how it ended, in the order of the ends, without what was said", async () => {
  const { client, file, host, value } = await startWith("")
  const one = client({ key: "ada" })
  await one.request("tools/list")
  const slow = one.call("s_slow", { ms: 300 })
  await one.call("s_echo", { text: "a secret word" })
  await slow
  await one.call("r_do_result", { result: { content: [{ type: "text", text: "no" }], isError: true } })
  await one.call("r_do_error", { error: { code: -32050, message: "own" } }).catch(() => undefined)
  await one.call("nothing").catch(() => undefined)
  await one.request("prompts/get", { name: "s_greet", arguments: { name: "Ada" } })
  await one.request("resources/read", { uri: "test://s/a" })
  const cancellation = new Cancellation()
  const hanging = one.request("tools/call", { name: "r_do_hang" }, { cancellation }).catch(() => undefined)
  cancellation.cancel()
  await hanging
  const found = await requests(file)
  expect(
    found.map(({ method, tool, prompt, uri, server, outcome, code }) => [
      method,
      tool ?? prompt ?? uri,
      server,
      outcome,
      code,
    ]),
  ).toEqual([
    ["tools/call", "s_echo", "s", "ok", undefined],
    ["tools/call", "s_slow", "s", "ok", undefined],
    ["tools/call", "r_do_result", "r", "tool_error", undefined],
    ["tools/call", "r_do_error", "r", "error", -32050],
    ["tools/call", "nothing", "", "error", -32602],
    ["prompts/get", "s_greet", "s", "ok", undefined],
    ["resources/read", "test://s/a", "s", "ok", undefined],
    ["tools/call", "r_do_hang", "r", "cancelled", undefined],
  ])
  const [echo = {}] = found
  const digest = createHash("sha256").update('{"text":"a secret word"}').digest("hex")
  expect(echo).toMatchObject({ principal: "ada", client: "test/1", arguments: `sha256:${digest}`, argumentBytes: 24 })
  expect(echo["ms"]).toBeTypeOf("number")
  expect(echo["resultBytes"]).toBeGreaterThan(20)
  expect(JSON.stringify(await entries(file))).not.toContain("secret word")
  expect(value("mcp_host_audit_lines_total", { outcome: "ok" })).toBe(4)
  await host.close()
  expect((await entries(file)).at(-1)).toMatchObject({ event: "close" })
  expect(await verifyLog(file, [])).toMatchObject({ requests: 8, notes: [] })
})

it("tells a failed tool in bytes from one that is fine, and does not parse the fine one", async () => {
  const { client, file, host } = await startWith("")
  const one = client()
  const text = "large ".repeat(8_000)
  const get = (result: JsonObject) =>
    host.handle({ method: "tools/call", params: { name: "b_say", arguments: { result } } }, one.context())
  expect((await get({ content: [{ type: "text", text }] })).bytes).toBeDefined()
  await get({ content: [{ type: "text", text }], isError: true })
  await get({ content: [{ type: "text", text: `${text} "isError": true` }] })
  expect((await requests(file)).map(({ outcome }) => outcome)).toEqual(["ok", "tool_error", "ok"])
  expect((await requests(file))[0]?.["resultBytes"]).toBeGreaterThan(48_000)
})

it("goes by a key, with digests that nobody can try out, and around one server in its own names", async () => {
  const item = `middleware: [{ audit: { file: ./audit.jsonl, key: "\${AUDIT_KEY}", methods: ["*"] } }]`
  const { client, directory, host } = await start(`servers: { s: { mount: ${v2}, ${item} } }`, {
    env: { AUDIT_KEY: key },
  })
  const one = client()
  await one.call("s_echo", { text: "b" })
  await host.close()
  const file = path.join(directory, "audit.jsonl")
  const found = await requests(file)
  expect(found).toMatchObject([
    { method: "tools/call", tool: "echo", server: "s", arguments: digestOf('{"text":"b"}', toAuditKey(key)) },
  ])
  expect((await verifyLog(file, [toAuditKey(key)])).broken).toBeUndefined()
  expect((await verifyLog(file, [])).broken).toBeDefined()
})

it("writes a line for what has not ended when the host closes", async () => {
  const { client, file, host } = await startWith("")
  const one = client()
  await one.call("s_echo", { text: "x" })
  const hanging = one.call("r_do_hang").catch(() => "ended")
  await host.close()
  expect(await hanging).toBe("ended")
  expect(await requests(file)).toMatchObject([
    { tool: "s_echo", outcome: "ok" },
    { tool: "r_do_hang", outcome: expect.stringMatching(/error|unfinished/) },
  ])
  expect((await verifyLog(file, [])).broken).toBeUndefined()
})

it("goes on in the same file after a reload with other options, and two may share one", async () => {
  const { client, file, directory, reload } = await startWith(
    "",
    `, t: { mount: ${v2}, middleware: [{ audit: { file: logs/audit.jsonl } }] }`,
  )
  const one = client()
  await one.call("s_echo", { text: "opens the file" })
  const slow = one.call("t_slow", { ms: 300 })
  const text = `middleware: [{ audit: { file: ./logs/audit.jsonl, rotate: { size: 1MiB } } }]\nservers: { s: { mount: ${v2} }, t: { mount: ${v2} } }`
  await writeFile(path.join(directory, "mcp-host.yaml"), text)
  await reload()
  await one.call("s_echo", { text: "x" })
  await slow
  await expect
    .poll(async () => (await requests(file)).map(({ tool }) => tool).sort(), { timeout: 10_000 })
    .toEqual(["s_echo", "s_echo", "slow", "t_slow"])
  expect((await verifyLog(file, [])).broken).toBeUndefined()
})

describe("a log that cannot be written", () => {
  it("refuses requests before they are sent, and serves again when it can be", { timeout: 20_000 }, async () => {
    const { client, directory, file, log, value } = await startWith("")
    await writeFile(path.join(directory, "logs"), "no folder")
    const one = client()
    const error = await one.call("s_echo", { text: "x" }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: -31008, data: { sent: "no", retryable: true } })
    await one.request("tools/list")
    expect(log.filter(({ msg }) => String(msg).startsWith("the audit log cannot be written"))).toHaveLength(1)
    expect(value("mcp_host_audit_failures_total")).toBe(1)
    await rm(path.join(directory, "logs"))
    await expect
      .poll(() => one.call("s_echo", { text: "y" }).catch(() => "refused"), { timeout: 15_000, interval: 200 })
      .toMatchObject({ content: [{ text: "y" }] })
    expect(await requests(file)).toHaveLength(1)
  })

  it("does not stop requests with onError: continue, and what could not be written is written later", {
    timeout: 20_000,
  }, async () => {
    const { client, directory, file, gauge } = await startWith(", onError: continue")
    await writeFile(path.join(directory, "logs"), "no folder")
    const one = client()
    expect(await one.call("s_echo", { text: "x" })).toMatchObject({ content: [{ text: "x" }] })
    expect(gauge("mcp_host_audit_waiting")).toEqual([{ value: 1 }])
    await rm(path.join(directory, "logs"))
    await expect
      .poll(() => requests(file).catch(() => []), { timeout: 15_000, interval: 200 })
      .toMatchObject([{ tool: "s_echo" }])
  })
})

describe("options", () => {
  it.each([
    ["{}", /^1:\d+ MANIFEST_MISSING_KEY middleware\[0\]\.audit\.file is missing/],
    [
      "{ file: a, rotate: { size: 0MiB } }",
      /MANIFEST_INVALID_VALUE .*rotate\.size must be a size of more than nothing/,
    ],
    ["{ file: a, rotate: { size: 5 } }", /rotate\.size must be a size such as/],
    ["{ file: a, onError: ignore }", /onError must be "refuse" or "continue"/],
    ["{ file: a, key: too-short-a-secret }", /key must be a key of at least 32 characters.*, given a string$/],
  ])("%s is refused at its place", async (options, expected) => {
    const error = await start(`middleware: [{ audit: ${options} }]\nservers: {}`).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ManifestError)
    const [problem] = (error as ManifestError).problems
    expect(`${problem?.place.line}:${problem?.place.column} ${problem?.code} ${problem?.message}`).toMatch(expected)
  })
})
