/** The way of a component from its server's own name to the one clients see, with the lines of the manifests that lead it. */
import { relative } from "node:path"
import { keptBy } from "../composition/filter.ts"
import { createNamespace } from "../composition/namespace.ts"
import { overrideOf, sectionOf } from "../composition/override.ts"
import type { Component, RulePath, ViewRules } from "../composition/types.ts"
import type { Traced } from "../host/trace.ts"
import type { Manifest, ProfileEntry, ServerEntry } from "../manifest/types.ts"
import { pathText } from "../manifest/words.ts"
import { isJsonObject, type JsonObject, type JsonValue, objectsAt, stringAt } from "../protocol/json.ts"

/** A line of a manifest about a server: what it is, and where. */
export function ruleAt({ key, placeOf }: Pick<ServerEntry, "key" | "placeOf">, path: RulePath): JsonObject {
  // A manifest inside another knows its servers by their own keys.
  return { rule: pathText(["servers", key.split("/").at(-1) ?? key, ...path]), ...placeOf(path) }
}

/** The same of a profile. */
export function profileRuleAt({ name, placeOf }: ProfileEntry, path: RulePath): JsonObject {
  return { rule: pathText(["profiles", name, ...path]), ...placeOf(path) }
}

/**
 * The steps of every level, the server's own first; `profile` is the last, when one was asked for. What middleware around
 * the whole manifest adds has no level.
 */
export function layersOf(
  component: Component,
  levels: readonly Traced[],
  profile: ProfileEntry | undefined,
): JsonObject[] {
  const [own] = levels
  const { origin } = own?.component ?? component
  return [
    step(own === undefined ? "middleware" : "server", origin.key, origin.key, {
      server: own?.entry.key ?? origin.server,
    }),
    ...(own === undefined ? exposed(component) : levels.flatMap(levelLayers)),
    ...(profile === undefined ? [] : profileLayers(component, profile)),
  ]
}

/** The name of an added tool, which has no prefix. */
function exposed({ key, origin }: Component): JsonObject[] {
  return key === origin.key ? [] : [step("shortened", origin.key, key, { server: origin.server })]
}

function step(layer: string, from: string, to: string, more: JsonObject): JsonObject {
  return { layer, from, to, ...more }
}

function levelLayers({ component, entry }: Traced): JsonObject[] {
  const { kind, local, origin } = component
  const { rules, key: server } = entry
  const section = sectionOf(kind)
  const filtered = isFiltered(rules[section]) || isFiltered(rules.tags)
  const kept = keptBy(rules, component, origin.key).map((path) => ruleAt(entry, path))
  // Where no prefix is written the key is it.
  const isDefault = rules.prefix === server.split("/").at(-1)
  const overriding = overrideOf(rules[section], origin.key) !== undefined
  return [
    ...(filtered ? [step("filters", origin.key, origin.key, { server, rules: kept })] : []),
    ...(overriding
      ? [step("override", origin.key, local, { server, ...ruleAt(entry, [section, "override", origin.key]) })]
      : []),
    ...exposing(component, entry).map(([layer, from, to]) =>
      step(layer, from, to, { server, ...ruleAt(entry, isDefault ? [] : ["prefix"]) }),
    ),
  ]
}

function isFiltered({ include, exclude }: ViewRules["tags"]): boolean {
  return (include ?? exclude) !== undefined
}

function exposing(
  { kind, key, local }: Component,
  { rules }: ServerEntry,
): [layer: string, from: string, to: string][] {
  if (!createNamespace(rules).isCompiled(kind, local)) return key === local ? [] : [["prefix", local, key]]
  if (rules.prefix === "") return [["shortened", local, key]]
  const prefixed = `${rules.prefix}${rules.separator}${local}`
  return [
    ["prefix", local, prefixed],
    ["shortened", prefixed, key],
  ]
}

/** A profile changes no name; it says what it keeps. */
function profileLayers(component: Component, profile: ProfileEntry): JsonObject[] {
  const { key } = component
  const kept: RulePath[] = [
    ...(profile.rules.servers === undefined ? [] : [["servers"]]),
    ...keptBy(profile.rules, component, key),
  ]
  return [step("profile", key, key, { profile: profile.name, rules: kept.map((path) => profileRuleAt(profile, path)) })]
}

/** One line for each manifest on the way. */
export function layersText(layers: readonly JsonObject[], manifest: Manifest): string {
  const lines = new Map<JsonValue | undefined, string[]>()
  for (const layer of layers) {
    const level = layer["profile"] ?? layer["server"]
    lines.set(level, [...(lines.get(level) ?? []), stepText(layer, manifest)])
  }
  const [first, ...others] = [...lines]
  return [first?.[1].join(" → ") ?? "", ...others.map(([level, steps]) => `${level}: ${steps.join(" → ")}`)].join("\n")
}

function stepText(layer: JsonObject, manifest: Manifest): string {
  const rules = Array.isArray(layer["rules"]) ? objectsAt(layer, "rules") : [layer]
  const places = rules.filter(isJsonObject).flatMap((rule) => placeText(rule, manifest))
  return `${layer["layer"]}: ${layer["to"]}${places.length === 0 ? "" : ` (${places.join(", ")})`}`
}

/** `line 9` of the manifest itself, or of another file by its name. */
export function placeText(rule: JsonObject, { file, directory }: Manifest): string[] {
  const [at, line] = [stringAt(rule, "file"), rule["line"]]
  if (at === undefined || line === undefined) return []
  return [at === file ? `line ${line}` : `${relative(directory, at)}:${line}`]
}
