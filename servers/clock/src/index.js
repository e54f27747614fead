// A clock as an MCP server, written with version 1 of the SDK.
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js"
import { registerPrompts } from "./prompts.js"
import { configSchema, momentSchema, unknownZone, zoneSchema } from "./schemas.js"
import { allZones, canonicalZone, describeMoment, searchZones } from "./time.js"
import { registerArithmetic } from "./tools.js"

export default function createClockServer({ config = {} } = {}) {
  const { zone: homeZone } = parseConfig(config)
  const server = new McpServer(
    { name: "clock", title: "Clock", version: "0.1.0", icons: [ICON] },
    {
      instructions:
        "Times are IANA zones and ISO 8601. Ask here instead of guessing an offset: it depends on the date.",
    },
  )

  server.registerTool(
    "now",
    {
      title: "Current time",
      description: "The current date and time in a time zone.",
      inputSchema: { zone: zoneSchema(`IANA time zone; ${homeZone} when left out`).optional() },
      outputSchema: momentSchema.shape,
      annotations: { readOnlyHint: true, openWorldHint: false },
      _meta: { tags: ["public"] },
    },
    async ({ zone = homeZone }) => {
      const moment = describeMoment(Date.now(), canonicalZone(zone))
      return {
        content: [{ type: "text", text: `${moment.weekday}, ${moment.local} in ${moment.zone}` }],
        structuredContent: moment,
      }
    },
  )

  registerArithmetic(server, homeZone)
  registerResources(server)
  registerPrompts(server)
  return server
}

const ICON = {
  src: "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%23475569' stroke-width='2'/%3E%3Cpath d='M8 5v3l2 1' fill='none' stroke='%23475569'/%3E%3C/svg%3E",
  mimeType: "image/svg+xml",
  sizes: ["any"],
}

function registerResources(server) {
  const shared = { mimeType: "application/json", icons: [ICON], _meta: { tags: ["public"] } }
  const json = (uri, value) => ({
    contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify(value) }],
  })

  server.registerResource(
    "zones",
    "clock://zones",
    { ...shared, title: "Time zones", description: "Every IANA time zone this clock knows." },
    async (uri) => json(uri, { zones: allZones() }),
  )

  server.registerResource(
    "now",
    new ResourceTemplate("clock://now/{+zone}", {
      list: undefined,
      complete: { zone: (value) => searchZones(value) },
    }),
    { ...shared, title: "Current time", description: "The current date and time in one time zone." },
    async (uri, { zone }) => {
      const canonical = canonicalZone(decodeURIComponent(zone))
      if (canonical === undefined) throw new Error(unknownZone(zone))
      return json(uri, describeMoment(Date.now(), canonical))
    },
  )
}

function parseConfig(config) {
  const parsed = configSchema.safeParse(config)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${["config", ...issue.path].join(".")}: ${issue.message}`)
  throw new Error(`The clock server's config is not valid.\n${problems.join("\n")}`)
}
