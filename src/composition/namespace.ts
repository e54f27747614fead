/**
 * Maps one server's names and URIs to those clients see. Encoding depends on the server's own rules alone, so a name
 * never changes because another server came or went. Names have no inverse here: the catalogue's tables map them.
 */
import type { Kind } from "../protocol/methods.ts"
import { hashText } from "./hash.ts"
import type { Namespace, SourceRules, UriFormat } from "./types.ts"

export type NamespaceRules = Pick<SourceRules, "prefix" | "separator" | "nameBudget" | "uris">

/** The namespace of one server. */
export function createNamespace(rules: NamespaceRules): Namespace {
  const uris = createUriCodec(rules)
  return {
    unprefixed: uris === bareUris,
    encode: (kind, key) => (isNamed(kind) ? encodeName(rules, key) : uris.encode(key)),
    decodeUri: (uri) => (isHttp(uri) ? undefined : uris.decode(uri)),
    isCompiled: (kind, key) => isNamed(kind) && !isLegal(plainName(rules, key), rules.nameBudget),
  }
}

/** True for `http://` and `https://` URIs and templates: clients may fetch them, so they are never rewritten. */
export function isHttp(uri: string): boolean {
  return /^https?:\/\//i.test(uri)
}

function isNamed(kind: Kind): boolean {
  return kind === "tool" || kind === "prompt"
}

function plainName(rules: NamespaceRules, name: string): string {
  return rules.prefix === "" ? name : `${rules.prefix}${rules.separator}${name}`
}

function isLegal(name: string, budget: number): boolean {
  return name.length <= budget && /^[A-Za-z0-9_.-]+$/.test(name)
}

/** The hash covers the three parts apart, so `a` + `b_c` and `a_b` + `c` get different names once compiled. */
function encodeName(rules: NamespaceRules, name: string): string {
  const plain = plainName(rules, name)
  if (isLegal(plain, rules.nameBudget)) return plain
  const separator = rules.prefix === "" ? "" : rules.separator
  const hash = hashText([rules.prefix, separator, name].join("\0")).slice(0, Math.max(1, rules.nameBudget))
  const room = rules.nameBudget - hash.length - 1
  const readable = plain.slice(0, Math.max(0, room)).replace(/[^A-Za-z0-9_.-]/g, "_")
  return readable === "" ? hash : `${readable}_${hash}`
}

interface UriCodec {
  /** Works on URIs and on templates: only literal heads change, so expanding commutes with encoding. */
  encode(uri: string): string
  decode(uri: string): string | undefined
}

const bareUris: UriCodec = { encode: (uri) => uri, decode: (uri) => uri }

const escapeScheme = "x-mcp"
const schemePattern = /^([A-Za-z][A-Za-z0-9+.-]*):/
const hierarchicalPattern = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//

function createUriCodec({ prefix, uris }: NamespaceRules): UriCodec {
  if (prefix === "" || uris === "none") return bareUris
  // A prefix may not end the authority or open a template expression.
  const place = encodeURIComponent(prefix)
  const escapeHead = `${escapeScheme}://${place}/`
  return {
    encode(uri) {
      if (isHttp(uri)) return uri
      const form = formOf(uri, uris)
      if (form === "escape") return `${escapeHead}${uri}`
      if (form === "protocol") return `${place}+${uri}`
      const head = hierarchicalPattern.exec(uri)?.[0] ?? ""
      return `${head}${place}/${uri.slice(head.length)}`
    },
    decode(uri) {
      // What an expanded template gives need not be the form `encode` would choose: whatever names this prefix counts.
      if (uri.startsWith(escapeHead)) return uri.slice(escapeHead.length)
      if (uris === "protocol" && uri.startsWith(`${place}+`)) {
        const own = uri.slice(place.length + 1)
        if (schemePattern.test(own)) return own
      }
      const head = hierarchicalPattern.exec(uri)?.[0]
      if (head === undefined || !uri.startsWith(`${place}/`, head.length)) return undefined
      const own = `${head}${uri.slice(head.length + place.length + 1)}`
      return formOf(own, uris) === "path" ? own : undefined
    },
  }
}

function formOf(uri: string, format: UriFormat): "path" | "protocol" | "escape" {
  const scheme = schemePattern.exec(uri)?.[1]?.toLowerCase()
  if (scheme === undefined || scheme === escapeScheme) return "escape"
  const hierarchical = hierarchicalPattern.test(uri)
  if (hierarchical && scheme === "ui") return "path"
  if (format === "protocol") return "protocol"
  return hierarchical ? "path" : "escape"
}
