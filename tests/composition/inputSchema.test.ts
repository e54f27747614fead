/** Rewritten schemas mean the same: what one accepts of a client, the server's own accepts of the host. */
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/server/validators/cf-worker"
import fc from "fast-check"
import { createArgumentMap } from "../../src/composition/arguments.ts"
import { composeCatalog } from "../../src/composition/compose.ts"
import type { ArgumentOverride } from "../../src/composition/types.ts"
import type { JsonObject, JsonValue } from "../../src/protocol/json.ts"
import { holds, sourceOf } from "./property.ts"

const names = ["a", "b", "c"]
const name = fc.constantFrom(...names)
const value = fc.constantFrom<JsonValue>(0, 1, "x")
const property = fc.oneof(
  fc.constant({}),
  fc.record({ enum: fc.uniqueArray(value, { minLength: 1 }) }),
  fc.record({ const: value }),
  name.map((each) => ({ $ref: `#/properties/${each}` })),
)
const reference = fc.constantFrom("D", "E").map((each) => ({ $ref: `#/$defs/${each}` }))

const { schema } = fc.letrec<{ schema: JsonObject; sub: JsonObject }>((tie) => ({
  sub: fc.oneof({ maxDepth: 2 }, reference, tie("schema")),
  schema: fc.record(
    {
      properties: fc.dictionary(name, property),
      required: fc.uniqueArray(name, { maxLength: 1 }),
      allOf: fc.array(tie("sub"), { minLength: 1, maxLength: 2 }),
      anyOf: fc.array(tie("sub"), { minLength: 1, maxLength: 2 }),
      not: tie("sub"),
      if: tie("sub"),
      else: tie("sub"),
      dependentRequired: fc.dictionary(name, fc.uniqueArray(name, { maxLength: 1 }), { maxKeys: 1 }),
      dependentSchemas: fc.dictionary(name, tie("sub"), { maxKeys: 1 }),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>,
}))
/** Definitions without references, so that none means itself. */
const flat = fc.record({
  properties: fc.dictionary(name, fc.record({ const: value })),
  required: fc.uniqueArray(name, { maxLength: 1 }),
}) as fc.Arbitrary<JsonObject>
/** Every name is there to be referred to. */
const root = fc
  .tuple(schema, fc.array(fc.record({ const: value }), { minLength: 3, maxLength: 3 }), flat, flat)
  .map(([own, [a = {}, b = {}, c = {}], D, E]): JsonObject => {
    const enums = [a, b, c].map((each) => ({ enum: [(each as JsonObject)["const"] as JsonValue, "x"] }))
    const [first = {}, second = {}, third = {}] = enums
    return { ...own, type: "object", properties: { a: first, b: second, c: third }, $defs: { D, E } }
  })
const override = fc.oneof(
  fc.record({ name: fc.constantFrom("a", "b", "n", "m") }),
  fc.record({ hide: fc.constant(true), value }),
)

holds(
  "a schema with renamed and hidden arguments accepts exactly what its server does",
  fc.property(
    root,
    fc.dictionary(name, override, { minKeys: 1 }),
    fc.array(fc.dictionary(fc.constantFrom(...names, "n", "m"), value), { minLength: 2, maxLength: 2 }),
    (inputSchema, overrides: Record<string, ArgumentOverride>, calls) => {
      const rules = { tools: { override: { t: { args: overrides } } } }
      const catalog = composeCatalog([sourceOf("s", { tool: [{ name: "t", inputSchema }] }, rules)], {
        collisions: "error",
      })
      const [tool] = catalog.list("tool")
      fc.pre(tool !== undefined)
      const exposed = tool?.payload["inputSchema"] as JsonObject
      const validate = (each: JsonObject) => new CfWorkerJsonSchemaValidator().getValidator(each as never)
      const [accepts, takes] = [validate(exposed), validate(inputSchema)]
      const map = createArgumentMap(overrides)
      for (const call of calls) {
        // Names that clients do not see are dropped on the way.
        const sent = Object.fromEntries(Object.entries(call).filter(([each]) => map.ownName(each) !== undefined))
        const own = map.toOwn(sent as JsonObject)
        if (accepts(sent).valid !== takes(own).valid)
          throw new Error(JSON.stringify({ inputSchema, overrides, exposed, sent, own }))
      }
    },
  ),
  300,
)
