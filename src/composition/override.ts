/**
 * What the manifest says differently about a server's components: names, titles, descriptions, annotations and
 * arguments. Goes by the server's own names and URIs; prefixes come after it. Results and output schemas are not touched.
 */
import { isJsonObject, type JsonObject, objectAt, objectsAt, stringAt } from "../protocol/json.ts"
import { type Kind, kinds, kindWords } from "../protocol/methods.ts"
import { type ArgumentOverrides, createArgumentMap } from "./arguments.ts"
import { rewriteInputSchema } from "./inputSchema.ts"
import type {
  Component,
  ComponentOverride,
  ComponentRules,
  Listing,
  RulePath,
  SourceRules,
  Transform,
  Withheld,
} from "./types.ts"

/** The section of a server's rules that is about a kind. */
export function sectionOf(kind: Kind): "tools" | "prompts" | "resources" {
  if (kind === "tool") return "tools"
  return kind === "prompt" ? "prompts" : "resources"
}

/** What the manifest says about one component; `key` is the server's own. */
export function overrideOf({ override }: ComponentRules, key: string): ComponentOverride | undefined {
  return override !== undefined && Object.hasOwn(override, key) ? override[key] : undefined
}

/** Applies the overrides. What one cannot be applied to is not offered: it would be called with the wrong arguments. */
export function createOverriding(rules: SourceRules): Transform {
  return (component) => {
    const override = overrideOf(rules[sectionOf(component.kind)], component.origin.key)
    if (override === undefined) return component
    const { members, problem } = rewriteArguments(component, override.args)
    if (problem !== undefined) return undefined
    const isNamed = component.kind === "tool" || component.kind === "prompt"
    const name = (isNamed ? override.name : undefined) ?? component.key
    return {
      ...component,
      key: name,
      local: name,
      bare: name === component.key ? component.bare : undefined,
      payload: { ...withTexts(component.payload, override), ...members },
      ...(override.args !== undefined && { args: createArgumentMap(override.args) }),
    }
  }
}

function withTexts(payload: JsonObject, { name, title, description, annotations }: ComponentOverride): JsonObject {
  return {
    ...payload,
    ...(name !== undefined && { name }),
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(annotations !== undefined && { annotations: { ...objectAt(payload, "annotations"), ...annotations } }),
  }
}

/** The components of a listing that the rules' overrides withhold from clients. */
export function withheldBy(rules: SourceRules, listing: Listing): Withheld[] {
  return overridden(rules, listing).flatMap(({ component: { kind, payload, key }, override, path }) => {
    const { problem } = rewriteArguments({ kind, payload }, override.args)
    return problem === undefined ? [] : [{ server: rules.server, kind, key, reason: problem, path }]
  })
}

/** Overrides of arguments that their component does not have; `path` is that of the component's `args`. */
export function unmatchedArguments(rules: SourceRules, listing: Listing): { path: RulePath; argument: string }[] {
  return overridden(rules, listing).flatMap(({ component, override, path }) => {
    const { declared } = rewriteArguments(component, override.args)
    const unknown = Object.keys(override.args ?? {}).filter((argument) => !declared.has(argument))
    return unknown.map((argument) => ({ path: [...path, "args"], argument }))
  })
}

interface Overridden {
  readonly component: Pick<Component, "kind" | "key" | "payload">
  readonly override: ComponentOverride
  readonly path: RulePath
}

/** What a server lists of what the rules override. */
function overridden(rules: SourceRules, listing: Listing): Overridden[] {
  return kinds.flatMap((kind) => {
    const section = sectionOf(kind)
    const found = new Map<string, Overridden>()
    for (const payload of rules[section].override === undefined ? [] : listing[kind]) {
      const key = isJsonObject(payload) ? (stringAt(payload, kindWords[kind].id) ?? "") : ""
      const override = overrideOf(rules[section], key)
      // Of a key given twice the first counts, as in the catalogue.
      if (override === undefined || found.has(key)) continue
      found.set(key, { component: { kind, key, payload }, override, path: [section, "override", key] })
    }
    return [...found.values()]
  })
}

interface Rewritten {
  /** The members of the payload that say which arguments there are. */
  readonly members: JsonObject
  /** The arguments it has, and those it insists on, by the server's own names. */
  readonly declared: ReadonlySet<string>
  readonly required: ReadonlySet<string>
  /** Hidden ones whose value the server does not take. */
  readonly refused?: ReadonlySet<string>
}

function rewriteArguments(
  { kind, payload }: Pick<Component, "kind" | "payload">,
  overrides: ArgumentOverrides | undefined,
): Rewritten & { readonly problem?: string | undefined } {
  if (overrides === undefined) return { members: {}, ...undeclared }
  const rewritten = kind === "tool" ? ofTool(payload, overrides) : ofPrompt(payload, overrides)
  return { ...rewritten, problem: problemOf(rewritten, overrides) }
}

const undeclared = { declared: new Set<string>(), required: new Set<string>() } as const

function ofTool(payload: JsonObject, overrides: ArgumentOverrides): Rewritten {
  const inputSchema = objectAt(payload, "inputSchema")
  if (inputSchema === undefined) return { members: {}, ...undeclared }
  const { schema, ...declared } = rewriteInputSchema(inputSchema, overrides)
  return { members: { inputSchema: schema }, ...declared }
}

function ofPrompt(payload: JsonObject, overrides: ArgumentOverrides): Rewritten {
  const given = objectsAt(payload, "arguments")
  const map = new Map(Object.entries(overrides))
  const shown = given.flatMap((argument) => {
    const { name, description, hide, ...rest } = map.get(String(argument["name"])) ?? {}
    const required = rest.required ?? (rest.default === undefined ? undefined : false)
    const more = {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      ...(required !== undefined && { required }),
    }
    return hide === true ? [] : [{ ...argument, ...more }]
  })
  const namesOf = (these: readonly JsonObject[]) => new Set(these.map(({ name }) => String(name)))
  return {
    members: Array.isArray(payload["arguments"]) ? { arguments: shown } : {},
    declared: namesOf(given),
    required: namesOf(given.filter(({ required }) => required === true)),
  }
}

/** Why overrides cannot be applied to arguments. */
function problemOf({ declared, required, refused }: Rewritten, overrides: ArgumentOverrides): string | undefined {
  const map = new Map(Object.entries(overrides))
  const owners = new Map<string, string>()
  for (const own of new Set([...declared, ...map.keys()])) {
    const { name = own, hide, value } = map.get(own) ?? {}
    if (hide === true && value === undefined && required.has(own))
      return `its argument ${own} is required, but hidden without a value`
    if (refused?.has(own) === true) return `the server does not take the value of its hidden argument ${own}`
    if (hide === true) continue
    const other = owners.get(name)
    if (other !== undefined) return `its arguments ${other} and ${own} would both be called ${name}`
    owners.set(name, own)
  }
  return undefined
}
