import { z } from "zod"
import { momentSchema, zoneSchema } from "./schemas.js"
import { canonicalZone, describeMoment, MOMENT_HELP, parseMoment, searchZones } from "./time.js"

const shared = { annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false } }
const tagged = { _meta: { tags: ["public"] } }
const disambiguationSchema = z
  .enum(["compatible", "earlier", "later", "reject"])
  .describe(
    "For a wall clock time that daylight saving skips or repeats; compatible: later when skipped, earlier when repeated",
  )
  .optional()

export function registerArithmetic(server, homeZone) {
  registerConvert(server, homeZone)
  registerDiff(server, homeZone)
  registerZones(server)
}

function registerConvert(server, homeZone) {
  server.registerTool(
    "convert",
    {
      ...shared,
      ...tagged,
      title: "Convert a time",
      description: "What the clocks of other time zones show at a given time. Daylight saving is that of the date.",
      inputSchema: {
        time: z.string().max(40).describe(`The time. ${MOMENT_HELP}`),
        from: zoneSchema(`Zone of a time without an offset; ${homeZone} when left out`).optional(),
        to: z.array(zoneSchema("IANA time zone")).min(1).max(20).describe("Zones to convert to"),
        disambiguation: disambiguationSchema,
      },
      outputSchema: {
        from: momentSchema.describe("The time as given"),
        to: z.array(momentSchema).describe("The same moment in each zone, in the order asked for"),
        resolution: z
          .enum(["exact", "gap", "overlap"])
          .describe("gap: skipped by daylight saving; overlap: happens twice"),
      },
    },
    async ({ time, from = homeZone, to, disambiguation = "compatible" }) => {
      const zone = canonicalZone(from)
      const { epochMs, resolution } = parseMoment(time, zone, disambiguation)
      const source = describeMoment(epochMs, zone)
      const targets = to.map((target) => describeMoment(epochMs, canonicalZone(target)))
      const lines = [source, ...targets].map((moment) => `${moment.zone}: ${moment.weekday}, ${moment.local}`)
      if (resolution === "gap") lines.push(`Note: ${time} does not exist in ${zone}, clocks skip it.`)
      if (resolution === "overlap") lines.push(`Note: ${time} happens twice in ${zone}.`)
      return {
        content: [{ type: "text", text: lines.join("\n") }],
        structuredContent: { from: source, to: targets, resolution },
      }
    },
  )
}

function registerDiff(server, homeZone) {
  server.registerTool(
    "diff",
    {
      ...shared,
      ...tagged,
      title: "Time between",
      description: "The exact time that passes between two times, daylight saving included.",
      inputSchema: {
        start: z.string().max(40).describe(`The first time. ${MOMENT_HELP}`),
        end: z.string().max(40).describe("The second time, written the same way"),
        zone: zoneSchema(`Zone of times without an offset; ${homeZone} when left out`).optional(),
      },
      outputSchema: {
        milliseconds: z.number().int().describe("Negative when the second time is the earlier one"),
        hours: z.number().describe("The same in hours"),
        duration: z.string().describe("The same as days, hours, minutes and seconds of exact length"),
      },
    },
    async ({ start, end, zone = homeZone }) => {
      const [first, second] = [start, end].map((time) => parseMoment(time, canonicalZone(zone), "compatible").epochMs)
      const milliseconds = second - first
      const result = { milliseconds, hours: milliseconds / 3_600_000, duration: toDuration(milliseconds) }
      return { content: [{ type: "text", text: result.duration }], structuredContent: result }
    },
  )
}

function registerZones(server) {
  server.registerTool(
    "zones",
    {
      ...shared,
      ...tagged,
      title: "Search time zones",
      description: "Finds IANA time zones by a part of their name, such as a city or continent.",
      inputSchema: {
        query: z.string().max(100).describe('Words that the name contains, such as "york" or "america/argentina"'),
        limit: z.number().int().min(1).max(100).optional().describe("At most this many; 20 when left out"),
      },
      outputSchema: {
        zones: z.array(momentSchema.pick({ zone: true, offset: true, local: true })).describe("Best matches first"),
        total: z.number().int().describe("How many there are in all"),
      },
    },
    async ({ query, limit = 20 }) => {
      const found = searchZones(query)
      if (found.length === 0)
        throw new Error(`No time zone contains ${JSON.stringify(query)}. Try a larger city nearby.`)
      const now = Date.now()
      const zones = found.slice(0, limit).map((name) => {
        const { zone, offset, local } = describeMoment(now, name)
        return { zone, offset, local }
      })
      const lines = zones.map(({ zone, offset }) => `${zone} ${offset}`)
      if (found.length > zones.length) lines.push(`… and ${found.length - zones.length} more`)
      return { content: [{ type: "text", text: lines.join("\n") }], structuredContent: { zones, total: found.length } }
    },
  )
}

function toDuration(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ].filter(([amount]) => amount > 0)
  const text = parts.map(([amount, unit]) => `${amount} ${unit}`).join(" ") || "0 s"
  return milliseconds < 0 ? `-${text}` : text
}
