import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import type { ServerContext } from "../../src/upstreams/serverContext.ts"
import { createTestContext } from "./context.ts"

// Plain JavaScript without types: loaded as the host loads it, by its address.
const entry = new URL("../../servers/clock/src/index.js", import.meta.url).href
const { default: createClockServer }: { default: (context: ServerContext) => McpServer } = await import(entry)

const closers: Array<() => Promise<unknown>> = []

afterEach(async () => {
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})

interface Result {
  readonly isError: boolean | undefined
  readonly text: string
  readonly structured: Record<string, never>
}

async function connect(config: JsonObject = {}) {
  const test = await createTestContext(config)
  closers.push(test.close)
  const client = new Client({ name: "test", version: "1.0.0" })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await createClockServer(test.context).connect(far)
  await client.connect(near)
  closers.push(() => client.close())
  const call = async (name: string, args: Record<string, unknown>): Promise<Result> => {
    const result = await client.callTool({ name, arguments: args })
    return {
      isError: result.isError as boolean | undefined,
      text: (result.content as Array<{ text: string }>).map((block) => block.text).join("\n"),
      structured: result.structuredContent as Record<string, never>,
    }
  }
  return { client, call }
}

/** What the clocks of `to` show, and how the time was understood. */
async function convert(time: string, from: string, to: string, disambiguation?: string) {
  const { call } = await connect()
  const { structured } = await call("convert", { time, from, to: [to], ...(disambiguation && { disambiguation }) })
  const { resolution, to: targets } = structured as unknown as { resolution: string; to: Array<{ local: string }> }
  return [targets[0]!.local, resolution]
}

function freeze(time: string): void {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date(time) })
}

describe("clock: what is listed", () => {
  it("describes and tags every tool", async () => {
    const { client } = await connect({ zone: "Asia/Tokyo" })
    const { tools } = await client.listTools()
    expect(tools.map((tool) => tool.name)).toEqual(["now", "convert", "diff", "zones"])
    for (const tool of tools) {
      expect(tool).toMatchObject({ annotations: { readOnlyHint: true }, _meta: { tags: ["public"] } })
      expect(tool.title).toBeTruthy()
      expect(tool.outputSchema).toBeDefined()
      for (const field of Object.values(tool.inputSchema.properties ?? {})) {
        expect((field as { description?: string }).description).toBeTruthy()
      }
    }
    expect(JSON.stringify(tools[0])).toContain("Asia/Tokyo when left out")
  })

  it("lists its resource, template and prompt", async () => {
    const { client } = await connect()
    expect((await client.listResources()).resources).toMatchObject([
      { uri: "clock://zones", _meta: { tags: ["public"] }, icons: [{ mimeType: "image/svg+xml" }] },
    ])
    const { resourceTemplates } = await client.listResourceTemplates()
    expect(resourceTemplates).toMatchObject([{ uriTemplate: "clock://now/{+zone}", _meta: { tags: ["public"] } }])
    expect((await client.listPrompts()).prompts).toMatchObject([{ name: "plan_meeting" }])
  })
})

describe("clock: now", () => {
  it("shows winter and summer time", async () => {
    const { call } = await connect({ zone: "Europe/Berlin" })
    freeze("2026-01-15T12:00:00Z")
    expect((await call("now", {})).structured).toEqual({
      zone: "Europe/Berlin",
      local: "2026-01-15T13:00:00+01:00",
      weekday: "Thursday",
      offset: "+01:00",
      abbreviation: "CET",
      daylightSaving: false,
      utc: "2026-01-15T12:00:00.000Z",
    })
    freeze("2026-07-15T12:00:00Z")
    const summer = await call("now", {})
    expect(summer.structured).toMatchObject({ local: "2026-07-15T14:00:00+02:00", daylightSaving: true })
    expect(summer.text).toBe("Wednesday, 2026-07-15T14:00:00+02:00 in Europe/Berlin")
  })

  it.each([
    ["Asia/Kolkata", "2026-01-15T17:30:00+05:30"],
    ["Asia/Kathmandu", "2026-01-15T17:45:00+05:45"],
    ["Pacific/Kiritimati", "2026-01-16T02:00:00+14:00"],
    ["America/St_Johns", "2026-01-15T08:30:00-03:30"],
    ["UTC", "2026-01-15T12:00:00+00:00"],
    ["america/new_york", "2026-01-15T07:00:00-05:00"],
  ])("knows %s", async (zone, local) => {
    const { call } = await connect()
    freeze("2026-01-15T12:00:00Z")
    expect((await call("now", { zone })).structured).toMatchObject({ local })
  })

  it("refuses an unknown zone and proposes others", async () => {
    const { call } = await connect()
    const result = await call("now", { zone: "Europe/Berln" })
    expect(result.isError).toBe(true)
    expect(result.text).toContain("is not an IANA time zone")
    expect(result.text).toContain('"zones" tool')
    expect((await call("now", { zone: "Germany/Berlin" })).text).toContain("Did you mean Europe/Berlin")
  })
})

describe("clock: convert", () => {
  it("uses the offset of the date, not of today", async () => {
    expect(await convert("2026-01-10T09:00", "America/New_York", "Europe/Berlin")).toEqual([
      "2026-01-10T15:00:00+01:00",
      "exact",
    ])
    // Two weeks in March in which only one side has changed its clocks.
    expect(await convert("2026-03-20T09:00", "America/New_York", "Europe/Berlin")).toEqual([
      "2026-03-20T14:00:00+01:00",
      "exact",
    ])
  })

  it("resolves a time that is skipped", async () => {
    expect(await convert("2026-03-29T02:30", "Europe/Berlin", "UTC")).toEqual(["2026-03-29T01:30:00+00:00", "gap"])
    expect(await convert("2026-03-29T02:30", "Europe/Berlin", "UTC", "earlier")).toEqual([
      "2026-03-29T00:30:00+00:00",
      "gap",
    ])
    expect(await convert("2026-03-29T01:59", "Europe/Berlin", "UTC")).toEqual(["2026-03-29T00:59:00+00:00", "exact"])
    expect(await convert("2026-03-29T03:00", "Europe/Berlin", "UTC")).toEqual(["2026-03-29T01:00:00+00:00", "exact"])
  })

  it("resolves a time that happens twice", async () => {
    expect(await convert("2026-10-25T02:30", "Europe/Berlin", "UTC")).toEqual(["2026-10-25T00:30:00+00:00", "overlap"])
    expect(await convert("2026-10-25T02:30", "Europe/Berlin", "UTC", "later")).toEqual([
      "2026-10-25T01:30:00+00:00",
      "overlap",
    ])
    expect(await convert("2026-10-25T03:00", "Europe/Berlin", "UTC")).toEqual(["2026-10-25T02:00:00+00:00", "exact"])
  })

  it("knows half-hour changes, southern summers and a day that was skipped whole", async () => {
    expect(await convert("2026-10-04T02:15", "Australia/Lord_Howe", "UTC")).toEqual([
      "2026-10-03T15:45:00+00:00",
      "gap",
    ])
    expect(await convert("2026-01-10T12:00", "Australia/Sydney", "UTC")).toEqual(["2026-01-10T01:00:00+00:00", "exact"])
    expect(await convert("2011-12-30T12:00", "Pacific/Apia", "UTC")).toEqual(["2011-12-30T22:00:00+00:00", "gap"])
  })

  it("takes an offset as it is given", async () => {
    expect(await convert("2026-10-25T02:30+01:00", "Europe/Berlin", "Europe/Berlin")).toEqual([
      "2026-10-25T02:30:00+01:00",
      "exact",
    ])
    expect(await convert("2026-06-01T00:00Z", "Europe/Berlin", "Asia/Tokyo")).toEqual([
      "2026-06-01T09:00:00+09:00",
      "exact",
    ])
  })

  it("says what is wrong with a time", async () => {
    const { call } = await connect()
    const ask = (time: string, more = {}) => call("convert", { time, from: "Europe/Berlin", to: ["UTC"], ...more })
    expect((await ask("tomorrow")).text).toContain("is not a time")
    expect((await ask("2026-02-30T10:00")).text).toContain("a day that does not exist")
    expect((await ask("2026-03-29T02:30", { disambiguation: "reject" })).text).toContain("clocks skip it")
    expect((await ask("2026-10-25T02:30", { disambiguation: "reject" })).text).toContain("happens twice")
    expect((await ask("2026-03-29T02:30")).text).toContain("Note: 2026-03-29T02:30 does not exist")
    expect((await ask("tomorrow")).isError).toBe(true)
  })
})

describe("clock: diff and zones", () => {
  it("counts the hour that daylight saving adds or takes", async () => {
    const { call } = await connect()
    const day = (start: string, end: string) => call("diff", { start, end, zone: "Europe/Berlin" })
    expect((await day("2026-03-29", "2026-03-30")).structured).toMatchObject({ hours: 23, duration: "23 h" })
    expect((await day("2026-10-25", "2026-10-26")).structured).toMatchObject({ hours: 25, duration: "1 d 1 h" })
    expect((await day("2026-05-02T10:00", "2026-05-02T08:30")).structured).toMatchObject({ duration: "-1 h 30 min" })
    expect((await day("2026-05-02", "2026-05-02")).structured).toMatchObject({ duration: "0 s" })
  })

  it("searches zones", async () => {
    const { call } = await connect()
    const found = await call("zones", { query: "new york" })
    expect(found.structured).toMatchObject({ total: 1, zones: [{ zone: "America/New_York" }] })
    const many = await call("zones", { query: "europe", limit: 3 })
    expect(many.structured["zones"]).toHaveLength(3)
    expect(many.text).toContain("more")
    const none = await call("zones", { query: "atlantis" })
    expect(none).toMatchObject({ isError: true })
    expect(none.text).toContain("Try a larger city")
  })
})

describe("clock: resources, completion, prompt, config", () => {
  it("reads all zones and one zone", async () => {
    const { client } = await connect()
    freeze("2026-01-15T12:00:00Z")
    const read = async (uri: string) => {
      const { contents } = await client.readResource({ uri })
      expect(contents[0]).toMatchObject({ uri, mimeType: "application/json" })
      return JSON.parse((contents[0] as { text: string }).text)
    }
    expect((await read("clock://zones")).zones).toContain("Africa/Cairo")
    expect(await read("clock://now/Europe/Berlin")).toMatchObject({ local: "2026-01-15T13:00:00+01:00" })
    await expect(read("clock://now/Nowhere")).rejects.toThrow("is not an IANA time zone")
  })

  it("completes zones", async () => {
    const { client } = await connect()
    const template = await client.complete({
      ref: { type: "ref/resource", uri: "clock://now/{+zone}" },
      argument: { name: "zone", value: "berl" },
    })
    expect(template.completion.values).toEqual(["Europe/Berlin"])
    const prompt = await client.complete({
      ref: { type: "ref/prompt", name: "plan_meeting" },
      argument: { name: "zones", value: "Europe/Berlin,tok" },
    })
    expect(prompt.completion.values[0]).toBe("Europe/Berlin, Asia/Tokyo")
  })

  it("plans a meeting", async () => {
    const { client } = await connect()
    freeze("2026-01-15T12:00:00Z")
    const plan = (zones: string) => client.getPrompt({ name: "plan_meeting", arguments: { zones, minutes: "30" } })
    const { messages } = await plan("Europe/Berlin, Asia/Tokyo")
    const text = (messages[0]!.content as { text: string }).text
    expect(text).toContain("30 minutes")
    expect(text).toContain("Asia/Tokyo: now Thursday, 2026-01-15T21:00:00+09:00")
    await expect(plan("Nowhere/Land")).rejects.toThrow("is not an IANA time zone")
    await expect(plan(" , ")).rejects.toThrow("names no time zone")
  })

  it("refuses a bad config, naming the key", async () => {
    const bad = async (config: JsonObject) => {
      const test = await createTestContext(config)
      closers.push(test.close)
      return createClockServer(test.context)
    }
    await expect(bad({ zone: "Mars/Base" })).rejects.toThrow('config.zone: "Mars/Base" is not an IANA time zone')
    await expect(bad({ zon: "UTC" })).rejects.toThrow("zon")
  })
})
