/** Checks of what needs no answer of a person: calls, lists, notifications. */
import { expect } from "vitest"
import { PAGED, PRIMES } from "../../fixtures/servers/crossingKit.mjs"
import { until } from "../rig.ts"
import type { Json } from "../testClient.ts"
import { type Cell, plain, rawCall } from "./cell.ts"

export async function call(cell: Cell): Promise<void> {
  const params = { arguments: { text: "hi" }, _meta: { "x-sent": 1 } }
  expect(await rawCall(cell, "_echo", params)).toEqual({
    content: [{ type: "text", text: "hi", annotations: { priority: 0.5 }, _meta: { "x-content": 1 } }],
    // The token is the host's own: progress extends its deadline.
    _meta: { "x-meta": { kept: true }, received: { "x-sent": 1, progressToken: expect.any(Number) } },
    "x-extra": { kept: [1, "two", null] },
  })
  expect(await rawCall(cell, "_fail")).toEqual({
    content: [{ type: "text", text: "It failed, as asked" }],
    isError: true,
    "x-extra": "kept",
  })
  const { error } = await cell.raw.request("tools/call", { name: `${cell.key}_nothing` })
  expect(error).toMatchObject({ code: -32602 })
  expect(await cell.sdk.call(`${cell.key}_echo`, { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] })
}

async function outputSchema({ sdk, key }: Cell, name: string): Promise<Json> {
  const { items } = await sdk.list("tools/list", "tools")
  return items.find((tool) => tool["name"] === `${key}${name}`)?.["outputSchema"]
}

export async function structuredObject(cell: Cell): Promise<void> {
  expect(await outputSchema(cell, "_add")).toMatchObject({
    type: "object",
    properties: { sum: { type: "number" } },
    required: ["sum"],
  })
  const result = { content: [{ type: "text", text: "5" }], structuredContent: { sum: 5 } }
  expect(await rawCall(cell, "_add", { arguments: { a: 2, b: 3 } })).toEqual(result)
  expect(await cell.sdk.call(`${cell.key}_add`, { a: 2, b: 3 })).toMatchObject(result)
}

/** Between modern sides an array is an array; everywhere else it is in an object, put there by the host or the author. */
export async function structuredOther(cell: Cell): Promise<void> {
  const isArray = cell.client === "modern" && cell.server === "modern"
  const array = { type: "array", items: { type: "number" } }
  const schema = await outputSchema(cell, "_primes")
  expect(schema).toMatchObject(
    isArray ? array : { type: "object", properties: { result: array }, required: ["result"] },
  )
  const structuredContent = isArray ? PRIMES : { result: PRIMES }
  expect(await rawCall(cell, "_primes")).toEqual({
    content: [{ type: "text", text: "[2,3,5]" }],
    structuredContent,
  })
  // The SDK's client checks it against the schema.
  expect(await cell.sdk.call(`${cell.key}_primes`)).toMatchObject({ structuredContent })
}

export async function progress(cell: Cell): Promise<void> {
  for (const progressToken of [`${cell.key}-token`, cell.crossing.length * 1_000 + cell.raw.heard.length]) {
    await rawCall(cell, "_slow", { arguments: { ms: 90, steps: 3 }, _meta: { progressToken } })
    const heard = cell.raw.heard.filter(
      ({ method, params }) => method === "notifications/progress" && params["progressToken"] === progressToken,
    )
    expect(heard.map(({ params }) => params)).toEqual(
      [1, 2, 3].map((step) => ({
        ...{ progressToken, progress: step, total: 3, message: `step ${step}` },
        "x-progress": step,
      })),
    )
  }
}

export async function cancel({ sdk, key }: Cell): Promise<void> {
  const { cancelled } = await sdk.json(`${key}_stats`)
  const controller = new AbortController()
  let progressed = false
  const onprogress = (): void => {
    progressed = true
  }
  const pending = sdk.call(`${key}_slow`, { ms: 60_000, steps: 2_000 }, { signal: controller.signal, onprogress })
  pending.catch(() => undefined)
  await until("the call is under way", () => progressed)
  controller.abort("enough")
  await expect(pending).rejects.toThrow()
  await until("the server observes it", async () => (await sdk.json(`${key}_stats`)).cancelled === cancelled + 1)
}

export async function log({ sdk, key }: Cell): Promise<void> {
  const logs = (): Json[] =>
    sdk.heard.flatMap(({ method, params }) =>
      method === "notifications/message" && String(params["data"]).endsWith(` ${key}`) ? [params] : [],
    )
  const before = logs().length
  await sdk.setLevel("warning")
  await sdk.call(`${key}_log`, { text: `quiet ${key}`, level: "info" })
  await sdk.call(`${key}_log`, { text: `loud ${key}`, level: "error" })
  await until("it is heard", () => logs().length > before)
  expect(logs().slice(before)).toEqual([{ level: "error", logger: "fixture", data: `loud ${key}` }])
}

export async function subscribe({ sdk, key }: Cell): Promise<void> {
  const updates = (): Json[] =>
    sdk.heard.flatMap(({ method, params }) =>
      method === "notifications/resources/updated" && String(params["uri"]).startsWith(`test://${key}/`)
        ? [params]
        : [],
    )
  await sdk.listenTo([`test://${key}/a`])
  await sdk.call(`${key}_touch`, { uri: "test://blob" })
  await sdk.call(`${key}_touch`, { uri: "test://a" })
  await until("the update arrives", () => updates().length > 0)
  expect(updates().map(({ uri }) => uri)).toEqual([`test://${key}/a`])
}

export async function listChanged({ sdk, key }: Cell): Promise<void> {
  const changes = (): number => sdk.heard.filter(({ method }) => method === "notifications/tools/list_changed").length
  const listed = async (): Promise<boolean> => {
    const { items } = await sdk.list("tools/list", "tools")
    return items.some(({ name }) => name === `${key}_extra`)
  }
  await sdk.listenTo([`test://${key}/a`])
  expect(await listed()).toBe(false)
  const before = changes()
  await sdk.call(`${key}_addTool`, { name: "extra" })
  await until("the addition is announced", () => changes() > before)
  await until("it is listed", listed)
  expect(await sdk.call(`${key}_extra`)).toMatchObject({ content: [{ type: "text", text: "extra here" }] })
  const between = changes()
  await sdk.call(`${key}_removeTool`, { name: "extra" })
  await until("the removal is announced", () => changes() > between)
  await until("it is not listed", async () => !(await listed()))
  await expect(sdk.call(`${key}_extra`)).rejects.toMatchObject({ code: -32602 })
}

export async function completion({ sdk, key }: Cell): Promise<void> {
  const complete = async (ref: Json, name: string, value: string): Promise<Json> =>
    (await sdk.request("completion/complete", { ref, argument: { name, value } }))["completion"]
  const prompt = { type: "ref/prompt", name: `${key}_greet` }
  expect(await complete(prompt, "name", "A")).toMatchObject({ values: ["Ada", "Alan"] })
  const template = { type: "ref/resource", uri: `test://${key}/items/{id}` }
  expect(await complete(template, "id", "1")).toMatchObject({ values: ["1", "10", "11"] })
}

export async function pagination({ sdk, key }: Cell): Promise<void> {
  const { items, pages } = await sdk.list("prompts/list", "prompts")
  expect(pages).toBe(2)
  const own = items.flatMap(({ name }) => (String(name).startsWith(`${key}_`) ? [name] : []))
  expect(own).toEqual(Array.from({ length: PAGED }, (_, at) => (at === 0 ? `${key}_greet` : `${key}_prompt_${at}`)))
  await expect(sdk.request("prompts/list", { cursor: "nonsense" })).rejects.toMatchObject({ code: -32602 })
}

export async function prompts(cell: Cell): Promise<void> {
  const { key, raw } = cell
  const params = { name: `${key}_greet`, arguments: { name: "Ada" } }
  expect(plain(cell, await raw.request("prompts/get", params))).toEqual({
    description: "A greeting",
    messages: [
      { role: "user", content: { type: "text", text: "Greet Ada" } },
      {
        role: "user",
        content: { type: "resource", resource: { uri: `test://${key}/a`, text: "text of test://a" } },
      },
      { role: "assistant", content: { type: "resource_link", uri: `file://${key}//tmp/fixture.txt`, name: "file" } },
    ],
    _meta: { "x-meta": { kept: true } },
    "x-extra": "kept",
  })
}

export async function resources(cell: Cell): Promise<void> {
  const { key, raw, client } = cell
  const read = (uri: string) => raw.request("resources/read", { uri })
  // The modern generation requires hints for caches with each of them.
  const hints = client === "modern" ? { ttlMs: 0, cacheScope: "private" } : {}
  const uri = `test://${key}/items/7`
  expect(plain(cell, await read(uri))).toEqual({
    contents: [{ uri, mimeType: "text/plain", text: "item 7" }],
    ...hints,
  })
  const missing = `test://${key}/items/missing`
  const code = client === "modern" ? -32602 : -32002
  expect((await read(missing)).error).toMatchObject({ code, data: { uri: missing } })
}

export async function apps(cell: Cell): Promise<void> {
  const { key, raw, sdk } = cell
  const { items } = await sdk.list("tools/list", "tools")
  const uri = `ui://${key}/fixture/widget`
  expect(items.find(({ name }) => name === `${key}_widget`)?.["_meta"]).toEqual({
    ui: { resourceUri: uri },
    "ui/resourceUri": uri,
    "openai/outputTemplate": uri,
  })
  const { contents } = plain(cell, await raw.request("resources/read", { uri }))
  expect(contents).toMatchObject([{ uri, mimeType: "text/html;profile=mcp-app" }])
}
