/**
 * Orders of middleware in which one of them cannot do what it says: warnings, because the host serves all the same. Each
 * list is judged alone, by the names in it.
 */
import { hostErrors, type SourcePlace } from "../../errors.ts"
import type { Path } from "../scope.ts"
import type { ManifestWarning } from "../types.ts"
import { pathText, quote } from "../words.ts"

interface Rule {
  /** Must not be outside of `inner`. */
  readonly outer: string
  readonly inner: readonly string[]
  /** What does not happen then; `%` stands for the inner. */
  readonly why: string
}

/** `use` is every middleware of others. Names need not exist: a rule for one that does not never holds. */
const rules: readonly Rule[] = [
  { outer: "cache", inner: ["auth"], why: "what is cached is given out without %" },
  { outer: "cache", inner: ["rateLimit"], why: "calls that are answered from the cache are not counted by %" },
  { outer: "cache", inner: ["validate", "redact", "use"], why: "calls that are answered from the cache pass by %" },
  {
    outer: "cache",
    inner: ["audit", "logging"],
    why: "calls that are answered from the cache are not in what % writes",
  },
  { outer: "cache", inner: ["timing"], why: "calls that are answered from the cache are not measured by %" },
  {
    outer: "circuitBreaker",
    inner: ["retry"],
    why: "it sees all attempts of % as one call, so that % goes on calling a server that is down",
  },
  { outer: "timeout", inner: ["retry"], why: "one attempt may take all the time, and % has none left for another" },
  { outer: "timeout", inner: ["circuitBreaker"], why: "calls that it gives up are cancelled, not failed, for %" },
  { outer: "retry", inner: ["rateLimit"], why: "every attempt is counted by %, and its refusals are attempted again" },
  { outer: "retry", inner: ["audit"], why: "% writes every attempt as a call of its own" },
  { outer: "redact", inner: ["sizeLimit"], why: "a secret that % cuts in two is not recognised" },
]

/** These may be in a list several times: each does something else. */
const repeatable: readonly string[] = ["rateLimit", "toolInjection", "use"]

/** Warnings about one list. `names` are those of its items in order, `use` for modules. */
export function orderWarnings(
  names: readonly string[],
  path: Path,
  placeOf: (path: Path) => SourcePlace,
): ManifestWarning[] {
  const warnings = new Map<number, string>()
  const warn = (at: number, message: string): void => void (warnings.has(at) || warnings.set(at, message))
  const where = (at: number): string => `${quote(names[at] ?? "")} (${pathText([...path, at])})`
  for (const [at, name] of names.entries()) {
    if (name === "errors" && at > 0)
      warn(at, `${where(at)} is not outermost: it neither logs nor masks errors of ${where(0)}, which is outside of it`)
    const first = names.indexOf(name)
    if (first < at && !repeatable.includes(name)) warn(at, `${where(at)} is in the list already, as ${where(first)}`)
    for (const { outer, inner, why } of rules) {
      const outside = names.indexOf(outer)
      if (outside === -1 || outside >= at || !inner.includes(name)) continue
      warn(at, `${where(outside)} is outside of ${where(at)}: ${why.replaceAll("%", name)}`)
    }
  }
  return [...warnings].map(([at, message]) => ({
    ...{ code: "MIDDLEWARE_ORDER", message, help: hostErrors.MIDDLEWARE_ORDER.help },
    place: placeOf([...path, at]),
  }))
}
