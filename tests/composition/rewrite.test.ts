import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { createNamespace } from "../../src/composition/namespace.ts"
import {
  rewriteErrorData,
  rewriteMetaUris,
  rewriteNotification,
  rewriteRequestParams,
  rewriteResult,
} from "../../src/composition/rewrite.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import { deepFreeze, holds, rulesOf, uris } from "./property.ts"

const up = (uri: string) => `<${uri}>`

const link = (uri: string) => ({ type: "resource_link", uri, name: "n", extra: { uri: "kept" } })
const embedded = (uri: string) => ({
  type: "resource",
  resource: { uri, text: "notes://in-text", extra: 1 },
  extra: [2],
})
const ui = (uri: string) => ({
  ui: { resourceUri: uri, csp: {} },
  "ui/resourceUri": uri,
  "openai/outputTemplate": uri,
  other: { resourceUri: "kept" },
})

/** Every place of a URI, per method; `u` stands where it is. */
const results: readonly [string, (u: string) => JsonObject][] = [
  [
    "resources/read",
    (u) => ({
      contents: [
        { uri: u, text: "x", _meta: ui(u) },
        { uri: u, blob: "AA" },
      ],
      ttlMs: 1,
    }),
  ],
  [
    "tools/call",
    (u) => ({
      content: [link(u), embedded(u), { type: "text", text: "u://x", uri: "kept" }, { type: "new", uri: "kept" }],
      structuredContent: { uri: "kept", resource: { uri: "kept" } },
      _meta: ui(u),
      isError: false,
    }),
  ],
  [
    "tools/call",
    (u) => ({
      content: [
        { type: "text", text: "x", _meta: ui(u) },
        { ...link(u), _meta: ui(u) },
      ],
    }),
  ],
  [
    "prompts/get",
    (u) => ({
      messages: [
        { role: "user", content: embedded(u) },
        { role: "user", content: link(u) },
      ],
    }),
  ],
  ["sampling/createMessage", (u) => ({ role: "assistant", model: "m", content: link(u) })],
  [
    "sampling/createMessage",
    (u) => ({
      role: "assistant",
      content: [
        { type: "tool_use", input: { uri: "kept", type: "resource_link" } },
        { type: "tool_result", content: [embedded(u), { type: "tool_result", content: [link(u)] }] },
      ],
    }),
  ],
  [
    "tools/call",
    (u) => ({
      resultType: "input_required",
      requestState: "s",
      inputRequests: {
        a: { method: "sampling/createMessage", params: { messages: [{ role: "user", content: embedded(u) }] } },
        b: { method: "elicitation/create", params: { message: "uri", url: "https://kept", content: link("kept") } },
        c: { method: "roots/list" },
      },
    }),
  ],
  ["completion/complete", () => ({ completion: { values: ["u://kept"] } })],
  ["elicitation/create", () => ({ action: "accept", content: { type: "resource_link", uri: "kept" } })],
  ["roots/list", () => ({ roots: [{ uri: "file:///kept" }] })],
  ["anything/else", () => ({ contents: [{ uri: "kept" }], content: [link("kept")] })],
]

const requests: readonly [string, (u: string) => JsonObject][] = [
  ["resources/read", (u) => ({ uri: u, _meta: { progressToken: 1 } })],
  ["resources/subscribe", (u) => ({ uri: u })],
  ["resources/unsubscribe", (u) => ({ uri: u })],
  ["completion/complete", (u) => ({ ref: { type: "ref/resource", uri: u }, argument: { name: "uri", value: "kept" } })],
  ["completion/complete", () => ({ ref: { type: "ref/prompt", name: "p", uri: "kept" } })],
  ["tools/call", () => ({ name: "t", arguments: { uri: "kept", content: [link("kept")] } })],
  [
    "tools/call",
    (u) => ({
      name: "t",
      inputResponses: {
        a: { role: "assistant", model: "m", content: [link(u)] },
        b: { action: "accept", content: { role: "user", type: "resource_link", uri: "kept" } },
        c: { roots: [{ uri: "file:///kept" }] },
      },
    }),
  ],
  [
    "sampling/createMessage",
    (u) => ({ messages: [{ role: "user", content: [link(u), embedded(u)] }], systemPrompt: "u" }),
  ],
  ["elicitation/create", () => ({ mode: "url", url: "https://kept" })],
]

describe("every place is rewritten and nothing else", () => {
  test.each(results)("result of %s", (method, build) => {
    expect(rewriteResult(method, deepFreeze(build("n://x")), up)).toEqual(build("<n://x>"))
  })
  test.each(requests)("request %s", (method, build) => {
    expect(rewriteRequestParams(method, deepFreeze(build("n://x")), up)).toEqual(build("<n://x>"))
  })
  test("notifications", () => {
    const params = deepFreeze({ uri: "n://x", title: "t" })
    expect(rewriteNotification("notifications/resources/updated", params, up)).toEqual({ uri: "<n://x>", title: "t" })
    expect(rewriteNotification("notifications/message", params, up)).toBe(params)
  })
  test("error data", () => {
    expect(rewriteErrorData({ uri: "n://x", a: 1 }, up)).toEqual({ uri: "<n://x>", a: 1 })
    expect(rewriteErrorData(undefined, up)).toBeUndefined()
    expect(rewriteErrorData("n://x", up)).toBe("n://x")
    expect(rewriteErrorData({ uri: 5 }, up)).toEqual({ uri: 5 })
  })
  test("what does not change keeps its identity", () => {
    const text = { type: "text", text: "x" }
    const value = deepFreeze({ content: [text, link("n://x")], structuredContent: { deep: [1] } })
    const next = rewriteResult("tools/call", value, up)
    expect((next["content"] as JsonValue[])[0]).toBe(text)
    expect(next["structuredContent"]).toBe(value.structuredContent)
  })
  test("malformed payloads pass", () => {
    for (const content of [null, 5, "x", [null, 5, [link("n://x")]], [{ type: "resource", resource: "x" }]]) {
      const value = { content: content as JsonValue, _meta: "x" }
      expect(rewriteResult("tools/call", value, up)).toBe(value)
    }
    expect(rewriteMetaUris({ _meta: { ui: "x", "ui/resourceUri": 5 } }, up)).toEqual({
      _meta: { ui: "x", "ui/resourceUri": 5 },
    })
  })
  test("members called __proto__ survive", () => {
    const value = JSON.parse(
      '{"resultType":"input_required","inputRequests":{"__proto__":{"method":"sampling/createMessage","params":{"messages":[{"content":{"type":"resource_link","uri":"n://x"}}]}}}}',
    )
    expect(JSON.stringify(rewriteResult("tools/call", value, up))).toBe(
      JSON.stringify(value).replace("n://x", "<n://x>"),
    )
  })
})

/** Arbitrary JSON, rich in the words the rewriter looks for. */
const words = [
  "uri",
  "type",
  "content",
  "contents",
  "resource",
  "messages",
  "_meta",
  "ui",
  "resourceUri",
  "ref",
  "role",
]
const more = [
  "ui/resourceUri",
  "openai/outputTemplate",
  "inputRequests",
  "inputResponses",
  "method",
  "params",
  "__proto__",
]
const { json } = fc.letrec<{ json: JsonValue; object: JsonObject }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(
      uris,
      fc.constantFrom(
        "resource",
        "resource_link",
        "tool_result",
        "ref/resource",
        "input_required",
        "sampling/createMessage",
      ),
    ),
    fc.constantFrom<JsonValue>(null, 1, true),
    fc.array(tie("json"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...words, ...more, "x"), tie("json")), { maxLength: 6 })
    .map((entries) => JSON.parse(`{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join()}}`)),
}))
const built = fc.tuple(fc.constantFrom(...results), uris).map(([[method, build], uri]) => [method, build(uri)] as const)
const random = fc
  .tuple(
    fc.constantFrom("resources/read", "tools/call", "prompts/get", "sampling/createMessage", "completion/complete"),
    fc.array(
      fc.tuple(
        fc.constantFrom(
          "content",
          "contents",
          "messages",
          "_meta",
          "ref",
          "uri",
          "inputRequests",
          "inputResponses",
          "x",
        ),
        json,
      ),
    ),
    fc.constantFrom({}, { resultType: "input_required" }),
  )
  .map(([method, members, type]) => [method, { ...Object.fromEntries(members), ...type } as JsonObject] as const)
const payloads = fc.oneof(built, random)
const rewriters = fc.constantFrom(rewriteResult, rewriteRequestParams)

holds(
  "the identity gives the same object",
  fc.property(payloads, rewriters, ([method, value], rewrite) => {
    expect(rewrite(method, value, (uri) => uri)).toBe(value)
  }),
)

holds(
  "reverse(rewrite(x)) = x, nothing is mutated, nothing else changes",
  fc.property(payloads, rewriters, fc.constantFrom("path", "protocol", "none"), ([method, value], rewrite, format) => {
    const namespace = createNamespace(rulesOf("s", { prefix: "p", uris: format as "path" }))
    const before = JSON.stringify(value)
    deepFreeze(value)
    const there = rewrite(method, value, (uri) => namespace.encode("resource", uri))
    const back = rewrite(method, there, (uri) => namespace.decodeUri(uri) ?? uri)
    expect(JSON.stringify(value)).toBe(before)
    expect(JSON.stringify(back)).toBe(before)
  }),
  3000,
)
