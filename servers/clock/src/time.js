// Time zone arithmetic with Intl only: the runtime's own zone data, no tables of ours.

const HOUR_MS = 3_600_000
const formatters = new Map()

/** The zone as Intl spells it ("europe/berlin" gives "Europe/Berlin"), or undefined when there is none of that name. */
export function canonicalZone(zone) {
  try {
    return formatterFor(zone).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

/** Zones whose name contains all words of the query, best first; spaces and underscores are the same. */
export function searchZones(query) {
  const words = query.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean)
  const city = (zone) => zone.slice(zone.lastIndexOf("/") + 1)
  const plain = (text) => text.toLowerCase().replaceAll("_", " ")
  const rank = (zone) => (plain(city(zone)).startsWith(words[0] ?? "") ? 0 : 1)
  return allZones()
    .filter((zone) => words.every((word) => plain(zone).includes(word)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

export function allZones() {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")]
}

/** A moment as a clock on the wall of that zone shows it. */
export function describeMoment(epochMs, zone) {
  const offsetMs = offsetAt(epochMs, zone)
  const year = new Date(epochMs + offsetMs).getUTCFullYear()
  const offsets = [0, 6].map((month) => offsetAt(Date.UTC(year, month, 1), zone))
  const name = (style) =>
    new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: style })
      .formatToParts(epochMs)
      .find((part) => part.type === "timeZoneName").value
  return {
    zone,
    local: toIso(epochMs + offsetMs, offsetMs),
    weekday: new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "long" }).format(epochMs),
    offset: toOffset(offsetMs),
    abbreviation: name("short"),
    daylightSaving: offsetMs > Math.min(...offsets),
    utc: new Date(epochMs).toISOString(),
  }
}

/**
 * Reads "2026-03-29T02:30", "2026-03-29" or the same with "Z" or "+02:00". Without an offset it is a wall clock time of
 * `zone`, which happens once, never ("gap": clocks go forward) or twice ("overlap": clocks go back).
 */
export function parseMoment(text, zone, disambiguation) {
  const match = MOMENT.exec(text.trim())
  if (!match) throw new Error(`${JSON.stringify(text)} is not a time. ${MOMENT_HELP}`)
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0))
  const wall = Date.UTC(year, month - 1, day, hour, minute, second)
  if (toIso(wall, 0).slice(0, 10) !== text.trim().slice(0, 10)) {
    throw new Error(`${JSON.stringify(text)} names a day that does not exist. Correct the date.`)
  }
  if (match[7]) return { epochMs: wall - fromOffset(match[7]), resolution: "exact" }
  return fromWall(wall, zone, disambiguation)
}

export const MOMENT_HELP = 'Write it like "2026-03-29T14:30", or with an offset like "2026-03-29T14:30+02:00" or "…Z".'

const MOMENT =
  /^([1-9]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,9})?)?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/

/** What Temporal does: the offsets a day before and after are the only ones that can apply. */
function fromWall(wall, zone, disambiguation) {
  const before = offsetAt(wall - 24 * HOUR_MS, zone)
  const after = offsetAt(wall + 24 * HOUR_MS, zone)
  const moments = [...new Set([before, after])]
    .map((offset) => wall - offset)
    .filter((epochMs) => epochMs + offsetAt(epochMs, zone) === wall)
    .sort((a, b) => a - b)
  if (moments.length === 1) return { epochMs: moments[0], resolution: "exact" }
  const resolution = moments.length === 0 ? "gap" : "overlap"
  if (disambiguation === "reject") {
    const reason = resolution === "gap" ? "does not exist: clocks skip it" : "happens twice: clocks are put back"
    throw new Error(`This time ${reason} in ${zone}. Give an offset, or choose "earlier" or "later".`)
  }
  const [earlier, later] = resolution === "gap" ? [wall - after, wall - before] : moments
  const wantsLater = disambiguation === "later" || (disambiguation === "compatible" && resolution === "gap")
  return { epochMs: wantsLater ? later : earlier, resolution }
}

function offsetAt(epochMs, zone) {
  const parts = {}
  for (const { type, value } of formatterFor(zone).formatToParts(epochMs)) parts[type] = Number(value)
  const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second)
  return wall - Math.floor(epochMs / 1000) * 1000
}

function formatterFor(zone) {
  let formatter = formatters.get(zone)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    })
    // Callers may send any spelling of any name, so only the canonical ones are kept.
    if (formatter.resolvedOptions().timeZone === zone) formatters.set(zone, formatter)
  }
  return formatter
}

function toIso(wall, offsetMs) {
  return `${new Date(wall).toISOString().slice(0, 19)}${toOffset(offsetMs)}`
}

function toOffset(offsetMs) {
  const seconds = Math.abs(offsetMs) / 1000
  const fields = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  // Before standard time zones had offsets like +00:53:28.
  if (seconds % 60 !== 0) fields.push(seconds % 60)
  return (offsetMs < 0 ? "-" : "+") + fields.map((field) => String(field).padStart(2, "0")).join(":")
}

function fromOffset(text) {
  if (text === "Z") return 0
  const [hours, minutes] = text.slice(1).split(":").map(Number)
  return (text[0] === "-" ? -1 : 1) * (hours * HOUR_MS + minutes * 60_000)
}
