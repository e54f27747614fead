/**
 * `sanitize`: finds in texts what people do not see (`sanitize/hidden.ts`), and says so in the log, in a metric, and to
 * clients in `_meta`; or takes it out, and says so too. Nothing is changed in silence.
 */
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { SanitizeOptions } from "../manifest/middleware/sanitize.ts"
import { isJsonObject, type JsonObject, type JsonValue, stringAt } from "../protocol/json.ts"
import { type Kind, kindWords } from "../protocol/methods.ts"
import { joined } from "../protocol/pieces.ts"
import { defineMiddleware } from "./define.ts"
import { type HiddenText, kindsIn, sanitizeComponent } from "./sanitize/components.ts"
import { findHidden, type HiddenKind, maybeHidden, visibleText } from "./sanitize/hidden.ts"
import { changeListing } from "./texts/listing.ts"
import { type Direction, type Place, surroundTexts } from "./texts/surround.ts"
import { changeData, changePayload } from "./texts/walk.ts"
import type { Middleware, MiddlewareDeps } from "./types.ts"

/** Components and methods that the log has told of; more are told of each time. */
const maxTold = 10_000
/** The member of `_meta` that says what was found. */
const metaKey = "mcp-host/sanitize"

const { sanitize: defaults } = middlewareDefaults

export const sanitize = defineMiddleware<SanitizeOptions>({
  name: "sanitize",
  create({ mode = defaults.mode, in: places = defaults.in }, deps): Middleware {
    const strips = mode === "strip"
    const tell = createTell(strips, deps)
    const edit = <T extends JsonValue>(value: T, place: Place, change: typeof changePayload): T => {
      const kinds = new Set<HiddenKind>()
      const changed = change(value, {
        text(text) {
          const hidden = findHidden(text)
          for (const kind of hidden?.kinds ?? []) kinds.add(kind)
          return strips && hidden !== undefined ? hidden.stripped : text
        },
      })
      if (kinds.size === 0) return value
      const found = [...kinds].sort()
      const { direction, method, params, server = deps.server } = place
      const name = stringAt(params, "name") ?? stringAt(params, "uri") ?? ""
      tell({ where: direction, server: server ?? "", what: `${method} ${name}`.trim(), kinds: found })
      return direction === "results" && isJsonObject(changed) ? (withMark(changed, found, strips) as T) : changed
    }
    const directions = places.flatMap((place): Direction[] => (place === "listings" ? [] : [place]))
    const hooks = surroundTexts(
      {
        concerns: (bytes) => maybeHidden(joined(bytes).toString("utf8")),
        payload: (value, place) => edit(value, place, changePayload),
        data: (value, place) => edit(value, place, changeData),
      },
      directions,
    )
    if (!places.includes("listings")) return hooks
    return {
      ...hooks,
      listing: (listing, server) =>
        changeListing(listing, (component, kind) => {
          const sanitized = sanitizeComponent(component)
          if (sanitized === undefined) return component
          const { found } = sanitized
          tell({ where: "listings", server, what: describe(component, kind), kinds: kindsIn(found), found })
          return withMark(strips ? sanitized.component : component, kindsIn(found), strips)
        }),
    }
  },
})

interface Told {
  readonly where: Direction | "listings"
  readonly server: string
  /** The component, or the request. */
  readonly what: string
  readonly kinds: readonly HiddenKind[]
  readonly found?: readonly HiddenText[]
}

/** Counts every time, and logs once for a component. */
function createTell(strips: boolean, { logger, metrics, mask }: MiddlewareDeps): (told: Told) => void {
  const counter = metrics.counter({
    name: "mcp_host_sanitize_total",
    help: "Texts in which something hidden was found, by what it was.",
    labels: ["server", "where", "kind"],
  })
  const known = new Set<string>()
  return ({ where, server, what, kinds, found }) => {
    for (const kind of kinds) counter.add(1, { server, where, kind })
    const key = JSON.stringify([where, server, what, kinds])
    if (known.has(key)) return
    if (known.size < maxTold) known.add(key)
    const message = `hidden characters ${strips ? "taken out of" : "in"} ${mask(visibleText(what))}`
    logger.warn(message, {
      in: where,
      ...(server !== "" && { of: server }),
      kinds,
      ...(found && { at: found.map(({ at }) => visibleText(at)) }),
    })
  }
}

function describe(component: JsonObject, kind: Kind): string {
  return `the ${kind === "resourceTemplate" ? "resource template" : kind} ${stringAt(component, kindWords[kind].id) ?? ""}`
}

/** Says what was found, or taken out, to whoever shows it. */
function withMark<T extends JsonObject>(value: T, kinds: readonly HiddenKind[], strips: boolean): T {
  const meta = isJsonObject(value["_meta"]) ? value["_meta"] : {}
  return { ...value, _meta: { ...meta, [metaKey]: { [strips ? "removed" : "found"]: [...kinds] } } }
}
