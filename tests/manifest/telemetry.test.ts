import { describe, expect, test } from "vitest"
import { load, problems } from "./support.ts"

const servers = "servers:\n  a: { mount: ./servers/notes }\n"
const withTelemetry = (telemetry: string): string => `${servers}telemetry: ${telemetry}\n`

describe("telemetry", () => {
  test("is off by default", async () => {
    expect((await load(servers)).telemetry).toEqual({ metrics: false })
  })

  test("has defaults, and the name of the host", async () => {
    const written = 'host: { name: bench }\ntelemetry: { metrics: true, traces: { endpoint: "http://h:4318" } }\n'
    expect((await load(servers + written)).telemetry).toEqual({
      metrics: true,
      traces: { endpoint: "http://h:4318/v1/traces", headers: {}, sample: 1, serviceName: "bench" },
    })
  })

  test("takes an address as it is when it has a path", async () => {
    const { telemetry } = await load(
      withTelemetry(
        '{ traces: { endpoint: "https://h/otlp?x=1", sample: 0.5, serviceName: mine, headers: { A: b } } }',
      ),
    )
    expect(telemetry.traces).toEqual({
      ...{ endpoint: "https://h/otlp?x=1", sample: 0.5, serviceName: "mine" },
      headers: { A: "b" },
    })
  })

  test("has its credentials among the secrets, wherever they are written", async () => {
    const { secrets } = await load(
      withTelemetry('{ traces: { endpoint: "https://u:p%40ss@h/${TOKEN}", headers: { A: "Bearer written-down" } } }'),
      { env: { TOKEN: "in-the-path" } },
    )
    expect(secrets).toEqual(expect.arrayContaining(["in-the-path", "Bearer written-down", "written-down", "p@ss"]))
  })

  test.each([
    ["{ metrics: yes please }", /telemetry.metrics must be true or false, given "yes please"$/],
    ["{ traces: {} }", /MANIFEST_MISSING_KEY .*telemetry.traces.*endpoint/],
    ["{ traces: { endpoint: ftp://h } }", /telemetry.traces.endpoint must be an http.* URL, given a string$/],
    [
      '{ traces: { endpoint: "http://h", sample: 2 } }',
      /telemetry.traces.sample must be a number from 0 to 1, given 2$/,
    ],
    ["{ metric: true }", /MANIFEST_UNKNOWN_KEY .*metric.* did you mean "?metrics/i],
  ])("%s is refused", async (written, problem) => {
    expect(await problems(withTelemetry(written))).toEqual([expect.stringMatching(problem)])
  })

  test("counts for nothing in a manifest inside another", async () => {
    const { warnings } = await load(`servers:\n  team: { mount: { manifest: ./inner.yaml } }\n`, {
      files: { "inner.yaml": withTelemetry("{ metrics: true }") },
    })
    expect(warnings.map(({ message }) => message)).toEqual([
      "telemetry of this manifest counts for nothing where it is composed as team",
    ])
  })
})
