import { completable } from "@modelcontextprotocol/sdk/server/completable.js"
import { z } from "zod"
import { unknownZone } from "./schemas.js"
import { canonicalZone, describeMoment, searchZones } from "./time.js"

export function registerPrompts(server) {
  server.registerPrompt(
    "plan_meeting",
    {
      title: "Plan a meeting",
      description: "Finds a time for people in several time zones.",
      argsSchema: {
        zones: completable(
          z.string().max(500).describe("IANA time zones of the people, separated by commas"),
          completeLast,
        ),
        date: z.string().max(40).describe("The day or week, such as 2026-03-30 or next Tuesday").optional(),
        minutes: z
          .string()
          .regex(/^\d{1,4}$/, "a number of minutes")
          .describe("Length in minutes; 60 when left out")
          .optional(),
      },
    },
    async ({ zones, date = "in the next five working days", minutes = "60" }) => {
      const now = Date.now()
      const people = splitZones(zones).map((zone) => {
        const canonical = canonicalZone(zone)
        if (canonical === undefined) throw new Error(unknownZone(zone))
        const { weekday, local } = describeMoment(now, canonical)
        return `- ${canonical}: now ${weekday}, ${local}`
      })
      if (people.length === 0) throw new Error("The argument zones names no time zone. Separate several with commas.")
      const text = [
        `Plan a meeting of ${minutes} minutes (${date}) for people in these time zones:`,
        ...people,
        'Check each proposal with the "convert" tool: offsets change with the date.',
        "Prefer 09:00 to 17:00 for everybody; if that is impossible, say who has to compromise and by how much.",
        "Propose three times, each as the local time of every zone.",
      ].join("\n")
      return { messages: [{ role: "user", content: { type: "text", text } }] }
    },
  )
}

/** Completes the zone that is being typed and keeps those before it. */
function completeLast(value) {
  const parts = value.split(",")
  const last = parts.pop().trim()
  const before = parts.map((part) => `${part.trim()}, `).join("")
  return searchZones(last).map((zone) => before + zone)
}

function splitZones(text) {
  return text
    .split(",")
    .map((zone) => zone.trim())
    .filter(Boolean)
}
