/** Reads the `middleware` lists: which middleware each item is, with its options. Runs on values the schema has accepted. */
import type { SourcePlace } from "../../errors.ts"
import { isJsonObject, type JsonObject } from "../../protocol/json.ts"
import { defaults } from "../defaults.ts"
import type { Path, Scope } from "../scope.ts"
import { checkStoreName } from "../stores.ts"
import { readModule } from "../target.ts"
import { nodeAt, type Tree, toValue } from "../tree.ts"
import type { ManifestWarning } from "../types.ts"
import { pathText } from "../words.ts"
import { checkInjectedTools } from "./injectedTools.ts"
import { orderWarnings } from "./order.ts"
import { checkRules } from "./rules.ts"
import type { MiddlewareInput } from "./schema.ts"

export interface MiddlewareReading {
  readonly name: string
  readonly module?: string
  /** The absolute path or npm package of a module that the options of the host's own name. */
  readonly imported?: string
  readonly options: JsonObject
  /** Where its options are in the item. */
  readonly at: readonly string[]
}

/** By the text of each list's path. */
export function readMiddleware(scope: Scope): Map<string, readonly MiddlewareReading[]> {
  return new Map(listsOf(scope.tree).map((path) => [pathText(path), readList(path, scope)]))
}

/** What is wrong with the order of the lists of a manifest that has no problems. */
export function middlewareWarnings(
  tree: Tree,
  readings: ReadonlyMap<string, readonly MiddlewareReading[]>,
  placeOf: (path: Path) => SourcePlace,
): ManifestWarning[] {
  return listsOf(tree).flatMap((path) => {
    const names = (readings.get(pathText(path)) ?? []).map(({ name, module }) => (module === undefined ? name : "use"))
    return orderWarnings(names, path, placeOf)
  })
}

function listsOf(tree: Tree): Path[] {
  const servers = nodeAt(tree, ["servers"])
  const keys = servers?.kind === "map" ? [...servers.entries.keys()] : []
  return [["middleware"], ...keys.map((key) => ["servers", key, "middleware"])]
}

function readList(path: Path, scope: Scope): MiddlewareReading[] {
  const list = nodeAt(scope.tree, path)
  if (list?.kind !== "list") return []
  return list.items.flatMap((item, at) => {
    const place = [...path, at]
    if (!scope.isSound(place)) return []
    // The schema has accepted it.
    const reading = readItem(toValue(item) as MiddlewareInput[number], place, scope)
    if (reading !== undefined && reading.module === undefined) {
      checkStore([...place, ...reading.at], scope)
      checkRules(reading, [...place, ...reading.at], scope)
    }
    return reading ?? []
  })
}

function readItem(input: MiddlewareInput[number], path: Path, scope: Scope): MiddlewareReading | undefined {
  if (typeof input === "string") {
    if (input === "toolInjection") checkInjectedTools({}, path, scope)
    return { name: input, options: {}, at: [] }
  }
  // The schema lets in any JSON as options, and nothing but JSON comes out of the parser.
  const item = input as JsonObject
  const { use, options } = item
  if (typeof use === "string") {
    const module = readModule(use, [...path, "use"], scope)
    return module === undefined
      ? undefined
      : { name: use, module, options: isJsonObject(options) ? options : {}, at: ["options"] }
  }
  const [name = "", own = {}] = Object.entries(item)[0] ?? []
  const reading = { name, options: isJsonObject(own) ? own : {}, at: [name] }
  if (name !== "toolInjection") return reading
  const imported = checkInjectedTools(reading.options, [...path, name], scope)
  return imported === undefined ? reading : { ...reading, imported }
}

/** The host's own call the store they keep something in `store`. */
function checkStore(path: Path, scope: Scope): void {
  const at = [...path, "store"]
  const node = nodeAt(scope.tree, at)
  if (node?.kind === "scalar" && node.value !== defaults.server.storage) checkStoreName(at, scope)
}
