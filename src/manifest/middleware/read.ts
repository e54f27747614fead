/** Reads the `middleware` lists: which middleware each item is, with its options. Runs on values the schema has accepted. */
import { isJsonObject, type JsonObject } from "../../protocol/json.ts"
import { defaults } from "../defaults.ts"
import type { Path, Scope } from "../scope.ts"
import { checkStoreName } from "../stores.ts"
import { readModule } from "../target.ts"
import { nodeAt, toValue } from "../tree.ts"
import { pathText } from "../words.ts"
import { checkRules } from "./rules.ts"
import type { MiddlewareInput } from "./schema.ts"

export interface MiddlewareReading {
  readonly name: string
  readonly module?: string
  readonly options: JsonObject
  /** Where its options are in the item. */
  readonly at: readonly string[]
}

/** By the text of each list's path. */
export function readMiddleware(scope: Scope): Map<string, readonly MiddlewareReading[]> {
  const servers = nodeAt(scope.tree, ["servers"])
  const keys = servers?.kind === "map" ? [...servers.entries.keys()] : []
  const paths: Path[] = [["middleware"], ...keys.map((key) => ["servers", key, "middleware"])]
  return new Map(paths.map((path) => [pathText(path), readList(path, scope)]))
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
  if (typeof input === "string") return { name: input, options: {}, at: [] }
  // The schema lets in any JSON as options, and nothing but JSON comes out of the parser.
  const item = input as JsonObject
  const { use, options } = item
  if (typeof use === "string") {
    const module = readModule(use, [...path, "use"], scope)
    return module === undefined
      ? undefined
      : { name: use, module, options: isJsonObject(options) ? options : {}, at: ["options"] }
  }
  const [name = "", own] = Object.entries(item)[0] ?? []
  return { name, options: isJsonObject(own) ? own : {}, at: [name] }
}

/** The host's own call the store they keep something in `store`. */
function checkStore(path: Path, scope: Scope): void {
  const at = [...path, "store"]
  const node = nodeAt(scope.tree, at)
  if (node?.kind === "scalar" && node.value !== defaults.server.storage) checkStoreName(at, scope)
}
