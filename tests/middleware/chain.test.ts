/** Chains of middleware around a host and its servers, as a manifest describes them. */
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { closeAll } from "./files.ts"
import { raw, start, v2 } from "./support.ts"

afterEach(closeAll)

const index = path.resolve(import.meta.dirname, "../../src/middleware/define.ts")

/** A middleware that notes what it sees, in the order it sees it, in what `globalThis` has under `key`. */
const tracer = (key: string) => `
import { defineMiddleware } from ${JSON.stringify(index)}
const seen = (globalThis[${JSON.stringify(key)}] ??= [])
export default defineMiddleware({
  name: "tracer",
  options: { safeParse: (data) => typeof data.mark === "string" ? { success: true, data } : { success: false, error: { issues: [{ path: ["mark"], message: "must be text" }] } } },
  create({ mark }) {
    const note = (hook, what) => seen.push(mark + " " + hook + " " + what)
    return {
      message(message, _about, next) { note("message", message.method); return next(message) },
      async request(request, context, next) {
        note("request", request.params.name ?? request.method)
        const result = await next(request, context)
        note("back", request.params.name ?? request.method)
        return result
      },
      async callTool(request, context, next) { note("callTool", request.params.name); return next(request, context) },
      async initialize(request, context, next) { note("initialize", request.method); return next(request, context) },
      notification(notification, passage, next) { note("notification", notification.method + " " + passage.towards + " " + passage.server); next(notification) },
      close() { note("close", "") },
    }
  },
})`

const seenBy = (key: string): string[] => ((globalThis as unknown as Record<string, string[]>)[key] ??= [])

describe("order and names", () => {
  it("is the order written, outermost first; the manifest's sees exposed names, a server's its own", async () => {
    const { client } = await start(
      `middleware: [{ use: ./t.ts, options: { mark: A } }, { use: ./t.ts, options: { mark: B } }]
servers:
  s: { mount: ${v2}, middleware: [{ use: ./t.ts, options: { mark: C } }] }`,
      { files: { "t.ts": tracer("order") } },
    )
    const seen = seenBy("order")
    const one = client()
    await one.request("initialize")
    expect(seen.splice(0)).toEqual([
      ...["A message initialize", "A request initialize", "A initialize initialize"],
      ...["B message initialize", "B request initialize", "B initialize initialize"],
      ...["B back initialize", "A back initialize"],
    ])
    await one.call("s_echo", { text: "x" })
    expect(seen).toEqual([
      ...["A message tools/call", "A request s_echo", "A callTool s_echo"],
      ...["B message tools/call", "B request s_echo", "B callTool s_echo"],
      ...["C message tools/call", "C request echo", "C callTool echo"],
      ...["C back echo", "B back s_echo", "A back s_echo"],
    ])
  })

  it("passes what servers tell outwards, and what clients tell inwards", async () => {
    const { client, host } = await start(
      `middleware: [{ use: ./t.ts, options: { mark: A } }, { use: ./t.ts, options: { mark: B } }]
servers:
  s: { mount: ${raw}, middleware: [{ use: ./t.ts, options: { mark: C } }] }`,
      { files: { "t.ts": tracer("told") } },
    )
    const seen = seenBy("told")
    const one = client()
    await one.call("s_do_notify", { method: "notifications/message", params: { level: "error", data: "hello" } })
    const told = (text: string) => text.includes("notification")
    expect(seen.filter(told)).toEqual([
      ...["C message notifications/message", "C notification notifications/message client s"],
      ...["B message notifications/message", "B notification notifications/message client s"],
      ...["A message notifications/message", "A notification notifications/message client s"],
    ])
    expect(one.heard).toMatchObject([{ method: "notifications/message", params: { data: "hello" } }])
    seen.splice(0)
    host.tell(one.client, { method: "notifications/roots/list_changed", params: {} })
    expect(seen.filter((text) => text.includes("notification ")).map((text) => text[0])).toEqual(["A", "B", "C"])
  })

  it("surrounds a manifest inside another in the names of each", async () => {
    const { client } = await start(
      `middleware: [{ use: ./t.ts, options: { mark: A } }]
servers: { team: { mount: { manifest: ./team.yaml }, middleware: [{ use: ./t.ts, options: { mark: B } }] } }`,
      {
        files: {
          "t.ts": tracer("nested"),
          "team.yaml": `middleware: [{ use: ./t.ts, options: { mark: C } }]
servers: { s: { mount: ${v2}, middleware: [{ use: ./t.ts, options: { mark: D } }] } }`,
        },
      },
    )
    await client().call("team_s_echo", { text: "x" })
    expect(seenBy("nested").filter((text) => text.includes("callTool"))).toEqual([
      ...["A callTool team_s_echo", "B callTool s_echo", "C callTool s_echo", "D callTool echo"],
    ])
  })

  it("surrounds what a profile serves too", async () => {
    const { client, host } = await start(
      `middleware: [{ use: ./t.ts, options: { mark: A } }]
servers: { s: { mount: ${v2} } }
profiles: { p: { tools: { include: [s_echo] } } }`,
      { files: { "t.ts": tracer("profile") } },
    )
    const one = client()
    await host
      .profile("p")
      ?.handle({ method: "tools/call", params: { name: "s_echo", arguments: { text: "x" } } }, one.context())
    expect(seenBy("profile")).toContain("A callTool s_echo")
  })
})

describe("somebody else's", () => {
  const failing = `
import { defineMiddleware } from ${JSON.stringify(index)}
export default defineMiddleware({ name: "failing", create: () => ({
  async callTool(request, context, next) {
    if (request.params.arguments?.text === "throw") throw new Error("secret insides")
    if (request.params.arguments?.text === "nothing") return undefined
    return next(request, context)
  },
  notification() { throw new Error("no") },
  message(message, _about, next) { if (message.params.arguments?.text === "message") throw new Error("no"); return next(message) },
}) })`

  it("fails one request, by name and without its insides; what it throws at a notification is passed over", async () => {
    const { client, log } = await start(
      `middleware: [{ use: ./f.ts }]\nservers: { s: { mount: ${v2} }, r: { mount: ${raw} } }`,
      {
        files: { "f.ts": failing },
      },
    )
    const one = client()
    for (const text of ["throw", "nothing"]) {
      const error = await one.call("s_echo", { text }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: -32603, message: "Internal error in the middleware failing" })
    }
    expect(await one.call("s_echo", { text: "message" })).toMatchObject({ content: [{ text: "message" }] })
    expect(await one.call("s_echo", { text: "fine" })).toMatchObject({ content: [{ text: "fine" }] })
    await one.call("r_do_notify", { method: "notifications/message", params: { level: "error", data: "hello" } })
    expect(one.heard).toMatchObject([{ params: { data: "hello" } }])
    expect(log.filter(({ level }) => level === 50).map(({ msg }) => msg)).toContain(
      "the middleware failing failed: secret insides",
    )
    // An error of a server is not the middleware's.
    await expect(one.call("r_do_error", { error: { code: -32050, message: "own" } })).rejects.toMatchObject({
      code: -32050,
    })
  })

  it.each([
    ["no module", "middleware: [{ use: ./none.ts }]", /1:21 MANIFEST_MISSING_PATH middleware\[0\]\.use/],
    ["no middleware", "middleware: [{ use: ./empty.ts }]", /MIDDLEWARE_UNUSABLE the default export of .*empty\.ts/],
    ["code that fails", "middleware: [{ use: ./broken.ts }]", /MIDDLEWARE_UNUSABLE .*cannot be loaded: broken/],
    [
      "wrong options",
      "middleware: [{ use: ./t.ts, options: { mark: 1 } }]",
      /1:\d+ MIDDLEWARE_INVALID_OPTIONS .*mark: must be text/,
    ],
    [
      "options it has not",
      "middleware: [{ use: ./f.ts, options: { a: 1 } }]",
      /MIDDLEWARE_INVALID_OPTIONS .*it takes no options/,
    ],
  ])("%s is refused at its line", async (_what, middleware, expected) => {
    const files = {
      "empty.ts": "export default 1",
      "broken.ts": 'throw new Error("broken")',
      "t.ts": tracer("x"),
      "f.ts": failing,
    }
    const error = await start(`${middleware}\nservers: {}`, { files }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ManifestError)
    const [problem] = (error as ManifestError).problems
    expect(`${problem?.place.line}:${problem?.place.column} ${problem?.code} ${problem?.message}`).toMatch(expected)
    expect(problem?.help).not.toBe("")
  })
})

describe("reload", () => {
  it("keeps what is as it was, replaces what is not, and closes it after its last request", async () => {
    const text = (mark: string, other = "z") =>
      `middleware: [{ use: ./t.ts, options: { mark: ${mark} } }, { use: ./t.ts, options: { mark: ${other} } }]\nservers: { s: { mount: ${v2} } }`
    const { client, directory, reload } = await start(text("A"), { files: { "t.ts": tracer("reload") } })
    const seen = seenBy("reload")
    const one = client()
    const slow = one.call("s_slow", { ms: 4_000 })
    await writeFile(path.join(directory, "mcp-host.yaml"), text("B"))
    await reload()
    await one.call("s_echo", { text: "x" })
    expect(seen.filter((each) => each.includes("callTool s_echo"))).toEqual(["B callTool s_echo", "z callTool s_echo"])
    expect(seen.filter((each) => each.includes("close"))).toEqual([])
    await slow
    await expect.poll(() => seen.filter((each) => each.includes("close")), { timeout: 10_000 }).toEqual(["A close "])
  })
})

describe("catalogues", () => {
  const adding = `
import { defineMiddleware } from ${JSON.stringify(index)}
export default defineMiddleware({ name: "adding", create: (_options, { server }) => ({
  tools: [{
    definition: { name: "extra", description: "Added.", inputSchema: { type: "object" } },
    call: async (args, { context, host }) => ({ value: { content: [{ type: "text", text: JSON.stringify({ server, args,
      tools: (await host({ method: "tools/list", params: {} }, context)).value.tools.map(({ name }) => name) }) }] } }),
  }],
  listing: (listing) => ({ ...listing, tool: listing.tool.map((tool) => ({ ...tool, description: "Changed." })) }),
}) })`

  it("offers tools of middleware as the server's own, or as the host's, and shows listings as it changes them", async () => {
    const { client, host } = await start(
      `middleware: [{ use: ./a.ts }]
servers: { s: { mount: ${v2}, middleware: [{ use: ./a.ts }], tools: { include: [echo, extra] } }, t: { mount: ${v2}, tools: { include: [add] } } }
profiles: { p: { servers: [t] }, q: { tools: { exclude: ["*extra"] } } }`,
      { files: { "a.ts": adding } },
    )
    const one = client()
    expect(await one.tools()).toEqual(["s_echo", "s_extra", "t_add", "extra"])
    const { tools } = (await one.request("tools/list")) as { tools: JsonObject[] }
    expect(tools.filter(({ name }) => name !== "extra").map(({ description }) => description)).toEqual(
      Array.from({ length: 3 }, () => "Changed."),
    )
    const answer = async (handle: typeof host.handle, name: string) => {
      const { value } = await handle({ method: "tools/call", params: { name, arguments: { a: 1 } } }, one.context())
      return JSON.parse(String((value["content"] as JsonObject[])[0]?.["text"])) as JsonObject
    }
    expect(await answer(host.handle, "extra")).toEqual({
      args: { a: 1 },
      tools: ["s_echo", "s_extra", "t_add", "extra"],
    })
    expect(await answer(host.handle, "s_extra")).toMatchObject({ server: "s", args: { a: 1 } })
    // What a profile hides it hides from its tools too, and it may hide the tools.
    const p = host.profile("p")?.handle ?? host.handle
    expect(await answer(p, "extra")).toMatchObject({ tools: ["t_add", "extra"] })
    const q = host.profile("q")?.handle ?? host.handle
    await expect(answer(q, "extra")).rejects.toMatchObject({ code: -32602 })
  })

  it("finds names that clash with a server's", async () => {
    const { host } = await start(
      `middleware: [{ use: ./a.ts }]\nservers: { extra: { mount: ${raw}, prefix: "", config: { bare: true, lists: { tools: [{ name: extra, inputSchema: { type: object } }] } } } }`,
      {
        files: { "a.ts": adding },
      },
    )
    expect(host.collisions()).toMatchObject([
      { key: "extra", kept: { server: "extra" }, dropped: { server: "(host)" } },
    ])
  })

  it("are told of, and of resources that changed, in the names of each", async () => {
    const watching = `
import { defineMiddleware } from ${JSON.stringify(index)}
export default defineMiddleware({ name: "watching", create: (_o, deps) => {
  deps.on((event) => (globalThis.events ??= []).push([deps.server ?? "all", event.type, event.server ?? "", event.uri ?? ""].join(" ")))
  return { request: async (request, context, next) => {
    const subject = deps.subject(request, context.client)
    ;(globalThis.subjects ??= []).push([deps.server ?? "all", request.method, subject?.server, subject?.definition?.name].join(" "))
    return next(request, context)
  } }
} })`
    const { client } = await start(
      `middleware: [{ use: ./w.ts }]\nservers: { s: { mount: ${v2}, middleware: [{ use: ./w.ts }] } }`,
      { files: { "w.ts": watching } },
    )
    const { events } = globalThis as unknown as { events: string[] }
    const one = client()
    await one.request("resources/subscribe", { uri: "test://s/a" })
    events.splice(0)
    await one.call("s_touch", { uri: "test://a" })
    await expect
      .poll(() => events, { timeout: 10_000 })
      .toEqual(expect.arrayContaining(["all updated s test://s/a", "s updated s test://a"]))
    await one.call("s_addTool", { name: "late" })
    await expect
      .poll(() => events, { timeout: 10_000 })
      .toEqual(expect.arrayContaining(["all changed s ", "s changed s "]))
    await one.request("prompts/get", { name: "s_greet", arguments: { name: "Ada" } })
    expect(globalThis).toMatchObject({
      subjects: expect.arrayContaining([
        ...["all resources/subscribe s ", "s resources/subscribe s "],
        ...["all tools/call s s_touch", "s tools/call s touch", "all prompts/get s s_greet", "s prompts/get s greet"],
      ]),
    })
  })
})
