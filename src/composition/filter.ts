/**
 * What of one server clients may see. One decision serves lists, calls and reads: `createTransforms` applies it to what
 * the server lists, `createUriGate` to URIs that no list shows. Globs and tags go by the server's own names and URIs.
 */
import { isJsonObject, type JsonObject, type JsonValue, objectAt, stringAt } from "../protocol/json.ts"
import { type Kind, kinds, kindWords } from "../protocol/methods.ts"
import { compileTemplate } from "../protocol/uriTemplate.ts"
import { matchesAny } from "./glob.ts"
import { createOverriding, overrideOf, sectionOf, unmatchedArguments } from "./override.ts"
import { decodePercent, type PlainUri, toPlainUri } from "./plainUri.ts"
import { rewriteMetaUris } from "./rewrite.ts"
import type {
  Component,
  ComponentRules,
  GlobFilter,
  Listing,
  Namespace,
  RulePath,
  SourceRules,
  Transform,
  ViewRules,
} from "./types.ts"

/** Tags first, then filters by name, then by tag, then overrides, then the exposed form. Transforms expect the server's own names. */
export function createTransforms(rules: SourceRules, namespace: Namespace): Transform[] {
  return [createTagging(rules), createFilter(rules), createOverriding(rules), createExposing(namespace)]
}

/** A payload as its server lists it, before any transform; undefined when it has no name or URI. */
export function toComponent(
  server: string,
  kind: Kind,
  payload: JsonObject,
  { tags, bare }: Pick<Listing, "tags" | "bare"> = {},
): Component | undefined {
  const key = stringAt(payload, kindWords[kind].id)
  if (key === undefined) return undefined
  return {
    ...{ kind, key, local: key, payload, tags: tags?.get(payload) ?? noTags },
    origin: { server, key },
    bare: bare === undefined ? key : bare.get(payload),
  }
}

const noTags: ReadonlySet<string> = new Set()

/** A pattern, tag or name of the rules that matches nothing the server lists, most likely a slip. */
export interface UnmatchedPattern {
  /** Its place below the server's section of the manifest. */
  readonly path: RulePath
  readonly pattern: string
}

/** The patterns, tags and overridden names of the rules that match nothing in the listing. */
export function unmatchedPatterns(rules: SourceRules, listing: Listing): UnmatchedPattern[] {
  const components = kinds.flatMap((kind) =>
    listing[kind].flatMap((payload) => toComponent(rules.server, kind, payload, listing) ?? []),
  )
  const keys = (...of: Kind[]) => components.filter(({ kind }) => of.includes(kind)).map(({ key }) => key)
  const tag = createTagging(rules)
  const tags = components.flatMap((component) => [...(tag(component) ?? component).tags])
  const isUnmatched = (pattern: string, values: readonly string[]) =>
    !values.some((value) => matchesAny(value, [pattern]))
  const listed = (path: RulePath, patterns: readonly string[] | undefined, values: readonly string[]) =>
    (patterns ?? []).flatMap((pattern, index) =>
      isUnmatched(pattern, values) ? [{ path: [...path, index], pattern }] : [],
    )
  const both = (section: string, { include, exclude }: GlobFilter, values: readonly string[]) => [
    ...listed([section, "include"], include, values),
    ...listed([section, "exclude"], exclude, values),
  ]
  const keyed = (path: RulePath, patterns: readonly string[]) =>
    patterns.map((pattern) => ({ path: [...path, pattern], pattern }))
  const ofKind = (section: "tools" | "prompts" | "resources", values: readonly string[]) => [
    ...both(section, rules[section], values),
    ...keyed(
      [section, "override"],
      Object.keys(rules[section].override ?? {}).filter((key) => !values.includes(key)),
    ),
  ]
  return [
    ...ofKind("tools", keys("tool")),
    ...ofKind("prompts", keys("prompt")),
    ...ofKind("resources", keys("resource", "resourceTemplate")),
    ...unmatchedArguments(rules, listing).flatMap(({ path, argument }) => keyed(path, [argument])),
    ...both("tags", rules.tags, tags),
    ...keyed(
      ["tags", "assign"],
      Object.keys(rules.tags.assign ?? {}).filter((pattern) => isUnmatched(pattern, keys(...kinds))),
    ),
  ]
}

/** The server's own tags, those assigned by glob, and those an override adds. */
function createTagging(rules: SourceRules): Transform {
  const assignments = Object.entries(rules.tags.assign ?? {})
  return (component) => {
    const section = rules[sectionOf(component.kind)]
    // Most components have no tags at all.
    if (assignments.length === 0 && section.override === undefined && component.payload["_meta"] === undefined)
      return component
    const added = overrideOf(section, component.origin.key)?.tags ?? []
    const found = new Set([...component.tags, ...metaTags(component.payload), ...added])
    for (const [pattern, assigned] of assignments) {
      if (matchesAny(component.origin.key, [pattern])) for (const tag of assigned) found.add(tag)
    }
    return found.size === component.tags.size ? component : { ...component, tags: found }
  }
}

/** MCP has no tags; these are the places where servers put them by convention. */
function metaTags(payload: JsonObject): string[] {
  const meta = objectAt(payload, "_meta")
  if (meta === undefined) return []
  const places = [meta["tags"], objectAt(meta, "fastmcp")?.["tags"], objectAt(meta, "_fastmcp")?.["tags"]]
  return places.flatMap((tags: JsonValue | undefined) =>
    Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [],
  )
}

function createFilter(rules: SourceRules): Transform {
  return (component) => (hiddenBy(rules, component, component.origin.key) === undefined ? component : undefined)
}

/** Filters by name or URI and by tag, of a server or of a profile. */
type Filters = Pick<SourceRules, "tags" | "tools" | "prompts" | "resources" | "isQuarantined">

/** The one decision about what is listed, by the name or URI that the filters go by: the place of the rule that hides a component with its tags, if one does. */
export function hiddenBy(
  rules: Filters,
  { kind, tags }: Pick<Component, "kind" | "tags">,
  key: string,
): RulePath | undefined {
  // Of no line of the manifest, but of the lock file.
  if (rules.isQuarantined?.(kind, key) === true) return []
  const section = sectionOf(kind)
  const filter = rules[section]
  // A template is text, not a URI: it has no plain form.
  const plain = kind === "resource" ? toPlainUri(key) : undefined
  const taken = hiddenKeyOf(filter, key, plain)
  if (taken !== undefined) return [section, "override", taken, "hide"]
  const excluding = filter.exclude?.findIndex((glob) => isExcluded({ exclude: [glob] }, key, plain)) ?? -1
  if (excluding !== -1) return [section, "exclude", excluding]
  const climbsOut = plain?.climbs === true && !isIncluded(filter, plain.text)
  if (!isIncluded(filter, key) || climbsOut) return [section, "include"]
  const words = [...tags]
  const forbidden = rules.tags.exclude?.findIndex((tag) => words.some((word) => matchesAny(word, [tag]))) ?? -1
  if (forbidden !== -1) return ["tags", "exclude", forbidden]
  const { include } = rules.tags
  const isTagged = include === undefined || words.some((tag) => matchesAny(tag, include))
  return isTagged ? undefined : ["tags", "include"]
}

/** Whether a profile shows a component that is called so. */
export function isVisible(rules: ViewRules, component: Pick<Component, "kind" | "tags">, key: string): boolean {
  return hiddenBy(rules, component, key) === undefined
}

/** Whether it might show a component of this name or URI, whatever its tags. */
export function passesFilter(rules: ViewRules, kind: Kind, key: string): boolean {
  return isVisible({ ...rules, tags: {} }, { kind, tags: noTags }, key)
}

/** The key of the override that hides this one, or for a URI another form of it. */
function hiddenKeyOf(rules: ComponentRules, key: string, plain: PlainUri | undefined): string | undefined {
  if (overrideOf(rules, key)?.hide === true) return key
  if (plain === undefined) return undefined
  const hidden = Object.entries(rules.override ?? {}).filter(([, { hide }]) => hide === true)
  return hidden.find(([each]) => toPlainUri(each).text === plain.text)?.[0]
}

function isIncluded({ include }: GlobFilter, key: string): boolean {
  return include === undefined || matchesAny(key, include)
}

function isExcluded({ exclude }: GlobFilter, key: string, plain: PlainUri | undefined): boolean {
  if (exclude === undefined) return false
  if (matchesAny(key, exclude)) return true
  return plain !== undefined && matchesAny(plain.text, [...exclude, ...exclude.map(decodePercent)])
}

/** Puts the exposed name or URI into place; everything else stays verbatim. */
function createExposing(namespace: Namespace): Transform {
  const encodeUri = (uri: string) => namespace.encode("resource", uri)
  return (component) => {
    const key = namespace.encode(component.kind, component.local)
    const { id } = kindWords[component.kind]
    const renamed = key === component.payload[id] ? component.payload : { ...component.payload, [id]: key }
    const payload = rewriteMetaUris(renamed, encodeUri)
    return key === component.key && payload === component.payload ? component : { ...component, key, payload }
  }
}

/**
 * Whether a URI of this server may be reached although no list shows it. Takes the server's own URI. A filter hides it
 * when `resources.exclude` matches or an override says so, when the server lists it and a filter took it off the list, or when only templates
 * that are hidden make it. With `resources.include` it must match that or come from a visible template; untagged
 * as it is, `tags.include` leaves it to visible templates alone.
 */
export function createUriGate(rules: SourceRules, listing: Listing): (uri: string) => boolean {
  return createGate(rules, () => ({
    resources: visibility(judge(rules, "resource", listing)),
    templates: visibility(judge(rules, "resourceTemplate", listing)),
  }))
}

/** Whether each listed URI and template is visible. */
export interface Verdicts {
  readonly resources: ReadonlyMap<string, boolean>
  readonly templates: ReadonlyMap<string, boolean>
}

/** The gate of filters whose verdicts on what is listed are known; they are asked for once. */
export function createGate(rules: Filters, verdictsOf: () => Verdicts): (uri: string) => boolean {
  let views: GateViews | undefined
  return (uri) => {
    views ??= createViews(verdictsOf())
    const { listed, hidden, shown, concealed } = views
    const verdict = listed.get(uri)
    if (verdict !== undefined) return verdict
    const plain = toPlainUri(uri)
    if (hidden.has(plain.text) || isExcluded(rules.resources, uri, plain)) return false
    if (hiddenKeyOf(rules.resources, uri, plain) !== undefined) return false
    const reachable = (form: string) => {
      if (shown.some((template) => template.matches(form))) return true
      if (rules.tags.include !== undefined || !isIncluded(rules.resources, form)) return false
      return !concealed.some((template) => template.matches(form))
    }
    return reachable(uri) && (!plain.climbs || reachable(plain.text))
  }
}

type TemplateMatcher = ReturnType<typeof compileTemplate>

interface GateViews {
  /** URIs of listed resources, and whether they are visible. */
  readonly listed: ReadonlyMap<string, boolean>
  /** Plain forms of the hidden ones. */
  readonly hidden: ReadonlySet<string>
  readonly shown: readonly TemplateMatcher[]
  readonly concealed: readonly TemplateMatcher[]
}

function createViews({ resources, templates }: Verdicts): GateViews {
  const compiled = (visible: boolean) => [...templates].filter(([, verdict]) => verdict === visible).map(([key]) => key)
  return {
    listed: resources,
    hidden: new Set([...resources].filter(([, visible]) => !visible).map(([uri]) => toPlainUri(uri).text)),
    shown: compiled(true).map(compileTemplate),
    concealed: compiled(false).map(compileTemplate),
  }
}

/** The server's own keys, each with the rule that hides it; the first of a key given twice counts, as in the catalogue. */
function judge(rules: SourceRules, kind: Kind, listing: Listing): Map<string, RulePath | undefined> {
  const tag = createTagging(rules)
  const verdicts = new Map<string, RulePath | undefined>()
  for (const payload of listing[kind]) {
    const component = isJsonObject(payload) ? toComponent(rules.server, kind, payload, listing) : undefined
    if (component === undefined || verdicts.has(component.key)) continue
    verdicts.set(component.key, hiddenBy(rules, tag(component) ?? component, component.key))
  }
  return verdicts
}

function visibility(verdicts: ReadonlyMap<string, RulePath | undefined>): Map<string, boolean> {
  return new Map([...verdicts].map(([key, rule]) => [key, rule === undefined]))
}

/** A component that a rule hides, by the server's own name, URI or template. */
export interface Hidden {
  readonly kind: Kind
  readonly key: string
  /** The place of the rule. */
  readonly path: RulePath
}

/** What the rules hide of a listing. */
export function hiddenIn(rules: SourceRules, listing: Listing): Hidden[] {
  return kinds.flatMap((kind) =>
    [...judge(rules, kind, listing)].flatMap(([key, path]) => (path === undefined ? [] : [{ kind, key, path }])),
  )
}

/** The rules that a visible component owes its place to: globs and tags of `include` that match it, by the name or URI that they go by. */
export function keptBy(rules: Filters, { kind, tags }: Component, key: string): RulePath[] {
  const section = sectionOf(kind)
  const matching = (path: RulePath, patterns: readonly string[] | undefined, values: readonly string[]) =>
    (patterns ?? []).flatMap((pattern, at) =>
      values.some((value) => matchesAny(value, [pattern])) ? [[...path, at] as RulePath] : [],
    )
  return [
    ...matching([section, "include"], rules[section].include, [key]),
    ...matching(["tags", "include"], rules.tags.include, [...tags]),
  ]
}
