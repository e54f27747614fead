/** What is not listed cannot be reached, whatever filters, overrides and prefixes there are, one inside the other. */
import fc from "fast-check"
import { composeCatalog } from "../../src/composition/compose.ts"
import type { Catalog, ComponentOverride, Listing, SourceRules } from "../../src/composition/types.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { holds, listingOf, sourceOf } from "./property.ts"

const names = ["a", "b", "c", "x_a", "long".repeat(5), "odd name"]
const name = fc.constantFrom(...names)
const tag = fc.constantFrom("t", "u")
const globs = fc.array(fc.constantFrom("*", "a", "b*", "x_*", "long*", "odd name"), { maxLength: 2 })
const someTimes = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 })

const override: fc.Arbitrary<ComponentOverride> = fc.record(
  { name: fc.constantFrom("a", "new", "x_b"), hide: fc.boolean(), tags: fc.array(tag, { maxLength: 1 }) },
  { requiredKeys: [] },
)
const rules: fc.Arbitrary<Partial<SourceRules>> = fc.record({
  prefix: fc.constantFrom("", "x", "y", "x_x"),
  nameBudget: fc.constantFrom(8, 16, 60),
  tools: fc.record({
    include: someTimes(globs),
    exclude: someTimes(globs),
    override: fc.dictionary(name, override, { maxKeys: 3 }),
  }),
  tags: fc.record({
    include: someTimes(fc.array(tag, { maxLength: 1 })),
    exclude: someTimes(fc.array(tag, { maxLength: 1 })),
    assign: fc.dictionary(fc.constantFrom("*", "a", "b*"), fc.array(tag, { maxLength: 2 }), { maxKeys: 2 }),
  }),
})
const server = fc.record({ tools: fc.subarray(names), rules })
const policy = fc.constantFrom("first" as const, "last" as const)

/** What a host over such a catalogue lists. */
function listingBehind(catalog: Catalog): Listing {
  return { ...listingOf({}), tool: catalog.list("tool").map(({ payload }) => payload as JsonObject) }
}

function asserts(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

holds(
  "tools: unlisted means uncallable, at every depth",
  fc.property(fc.array(server, { minLength: 1, maxLength: 3 }), rules, policy, (servers, outerRules, collisions) => {
    const inner = composeCatalog(
      servers.map(({ tools, rules: own }, at) => sourceOf(`s${at}`, { tool: tools }, own)),
      { collisions },
    )
    const nested = sourceOf("nested", { tool: [...listingBehind(inner).tool] }, outerRules)
    const outer = composeCatalog([nested, sourceOf("beside", { tool: names }, { prefix: "x" })], { collisions })
    for (const catalog of [inner, outer]) {
      const list = catalog.list("tool")
      const shown = new Map(list.map((each) => [each.key, each]))
      const given = [...names, "new", ...list.map(({ key }) => key), ...inner.list("tool").map(({ key }) => key)]
      for (const called of [...given, ...given.map((each) => `x_${each}`)]) {
        const exact = catalog.resolve("tool", called)
        asserts(exact === shown.get(called), `${called} resolves to what is not listed`)
        const reached = catalog.resolveBareName("tool", called)
        const bare = list.filter(({ origin, local }) => origin.key === called && local === called)
        const expected = exact === undefined ? bare : [exact]
        asserts(reached.length === expected.length && reached.every((each) => shown.get(each.key) === each), called)
      }
    }
    // Whatever the outer host calls is something that the inner one lists.
    for (const { origin } of outer.list("tool"))
      asserts(origin.server !== "nested" || inner.resolve("tool", origin.key) !== undefined, origin.key)
  }),
  10_000,
)

holds(
  "an exposed name says nothing of other servers: they come and go without changing it",
  fc.property(server, fc.array(server, { maxLength: 3 }), fc.nat(3), (subject, others, at) => {
    const own = sourceOf("subject", { tool: subject.tools }, subject.rules)
    const rest = others.map(({ tools, rules: rule }, index) => sourceOf(`other${index}`, { tool: tools }, rule))
    const namesOf = (sources: typeof rest) =>
      composeCatalog(sources, { collisions: "first" })
        .list("tool")
        .filter(({ origin }) => origin.server === "subject")
        .map(({ key, origin }) => `${origin.key} ${key}`)
    const alone = namesOf([own])
    const together = namesOf([...rest.slice(0, at), own, ...rest.slice(at)])
    asserts(
      together.every((each) => alone.includes(each)),
      `${together} of ${alone}`,
    )
    // Only a collision takes one away.
    asserts(JSON.stringify(namesOf([own, ...rest])) === JSON.stringify(alone), `${alone}`)
  }),
  10_000,
)
