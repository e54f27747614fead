/** Lines of `logging` that are put together at once are those that pino would write. */
import fc from "fast-check"
import { pino } from "pino"
import { expect, it } from "vitest"
import { createWriter, type Entry } from "../../src/middleware/logging/entry.ts"
import { textOfMs } from "../../src/middleware/logging/fields.ts"
import { setOutput } from "../../src/telemetry/lines.ts"
import { createServerLogger } from "../../src/upstreams/serverLogger.ts"

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 150 }),
  fc.string({ unit: fc.constantFrom('"', "\\", "\n", "\u0000", "\u001f", "\u007f", "😀", "a"), maxLength: 150 }),
)
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const size = some(fc.nat())
const ms = fc.nat({ max: 100_000_000 }).map((micros) => micros / 1_000)

const entries: fc.Arbitrary<Entry> = fc.record({
  ...{ request: text, trace: some(text), method: text, name: some(text), upstream: some(text), client: some(text) },
  outcome: fc.constantFrom("ok", "failed", "error", "cancelled"),
  ...{
    ms,
    in: size,
    params: some(text),
    code: some(fc.oneof(fc.integer(), fc.double())),
    out: size,
    result: some(text),
  },
})

it("writes what pino writes, whatever the entry says", () => {
  const written: string[] = []
  const write = (line: string): void => void written.push(line)
  const createLog = () => pino({ level: "debug", base: null }, { write })
  const log = createLog()
  setOutput(log, write)
  const server = 's "1"'
  for (const level of ["debug", "info"] as const) {
    const fast = createWriter(createServerLogger(log, server), level)
    const slow = createWriter(createServerLogger(createLog(), server), level)
    const property = fc.property(fc.array(entries, { minLength: 1, maxLength: 3 }), (some) => {
      // Twice: what is the same in many lines is remembered.
      for (const entry of [...some, ...some]) {
        written.length = 0
        fast(entry)
        slow(entry)
        const [one, other] = written.map((line) => line.replace(/"time":\d+/, '"time":0'))
        expect(one).toBe(other)
        expect(JSON.parse(one ?? "")).toMatchObject({ request: entry.request, outcome: entry.outcome })
      }
    })
    fc.assert(property, { numRuns: 300 })
  }
})

it("keeps halves of characters apart, which names have that were cut", () => {
  const written: string[] = []
  const log = pino({ base: null }, { write: () => undefined })
  setOutput(log, (line) => written.push(line))
  const nothing = { trace: undefined, upstream: undefined, client: undefined, params: undefined, result: undefined }
  const entry = {
    ...nothing,
    request: "r",
    method: "tools/call",
    name: "cut \ud83d",
    in: 1,
    out: 2,
    code: undefined,
    ms: 1,
  }
  createWriter(createServerLogger(log, "logging"), "info")({ ...entry, outcome: "ok" })
  expect(written[0]).toContain('"name":"cut \\ud83d"')
  expect(JSON.parse(Buffer.from(written[0] ?? "").toString())).toMatchObject({ name: "cut \ud83d" })
})

it("writes milliseconds as numbers are", () => {
  fc.assert(
    fc.property(ms, (each) => {
      expect(textOfMs(each)).toBe(String(each))
    }),
  )
  for (const each of [0, 0.001, 0.01, 0.1, 1, 10.05, 999.999, 1_000, 123_456_789.012])
    expect(textOfMs(each)).toBe(String(each))
})
