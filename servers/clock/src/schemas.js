import { z } from "zod"
import { canonicalZone, searchZones } from "./time.js"

export const momentSchema = z.object({
  zone: z.string().describe("IANA time zone"),
  local: z.string().describe("Wall clock time there, ISO 8601 with offset"),
  weekday: z.string().describe("Day of the week there"),
  offset: z.string().describe("Offset from UTC"),
  abbreviation: z.string().describe("Short name of the zone at that moment"),
  daylightSaving: z.boolean().describe("Whether daylight saving time applies"),
  utc: z.string().describe("The same moment in UTC"),
})

/** An existing IANA zone, in its canonical spelling. */
export function zoneSchema(description) {
  return z
    .string()
    .max(100)
    .refine((zone) => canonicalZone(zone) !== undefined, { error: (issue) => unknownZone(issue.input) })
    .describe(description)
}

export function unknownZone(zone) {
  const near = searchZones(String(zone).slice(0, 100).replace(/.*\//, "")).slice(0, 5)
  const hint = near.length > 0 ? `Did you mean ${near.join(", ")}?` : 'Search with the "zones" tool.'
  return `${JSON.stringify(zone)} is not an IANA time zone such as Europe/Berlin. ${hint}`
}

export const configSchema = z.strictObject({
  zone: zoneSchema("The zone that is meant when none is given").default("UTC"),
})
