/** How long which answers are kept, by the options of the manifest. */
import { matchesAny } from "../../composition/glob.ts"
import { parseDuration } from "../../manifest/durations.ts"
import type { CacheOptions } from "../../manifest/middleware/cache.ts"
import { middlewareDefaults } from "../../manifest/middleware/defaults.ts"
import { type JsonObject, objectAt } from "../../protocol/json.ts"
import type { McpRequest } from "../../protocol/messages.ts"
import type { Subject } from "../types.ts"

export interface Rules {
  /** In milliseconds; 0: not at all. */
  ttlOf(request: McpRequest, subject: Subject): number
  /** Whether it may change what other answers of its server say. */
  writes(request: McpRequest, subject: Subject): boolean
}

type Method = keyof NonNullable<CacheOptions["methods"]>

interface ToolRule {
  readonly ttlMs: number
  readonly writes: boolean
}

export function createRules(options: CacheOptions): Rules {
  const { ttl = defaults.ttl, methods = {}, tools = {}, annotated = defaults.annotated } = options
  const listed = Object.entries(tools).map(([glob, duration]) => ({ glob, ttlMs: parseDuration(duration) }))
  const ofMethod = (method: string): number => parseDuration(methods[method as Method] ?? ttl)
  const ttls = new Map(
    ["tools/call", "resources/read", "prompts/get", "completion/complete"].map((each) => [each, ofMethod(each)]),
  )
  const known = new WeakMap<JsonObject, ToolRule>()

  const makeRule = (definition: JsonObject): ToolRule => {
    const name = String(definition["name"])
    const isReadOnly = objectAt(definition, "annotations")?.["readOnlyHint"] === true
    const found = listed.find(({ glob }) => matchesAny(name, [glob]))
    const ofAnnotated = annotated && isReadOnly ? ttls.get("tools/call") : 0
    const ttlMs = found?.ttlMs ?? ofAnnotated ?? 0
    return { ttlMs, writes: !isReadOnly && ttlMs === 0 }
  }
  const toolRule = (definition: JsonObject): ToolRule => {
    const rule = known.get(definition) ?? makeRule(definition)
    known.set(definition, rule)
    return rule
  }

  return {
    ttlOf({ method }, { definition }) {
      if (method !== "tools/call") return ttls.get(method) ?? 0
      return definition === undefined ? 0 : toolRule(definition).ttlMs
    },
    writes: ({ method }, { definition }) =>
      method === "tools/call" && (definition === undefined || toolRule(definition).writes),
  }
}

const { cache: defaults } = middlewareDefaults
