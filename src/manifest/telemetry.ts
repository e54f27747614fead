/** Reads what `telemetry` says. Runs on values the schema has accepted. */
import type { TelemetryConfig } from "../telemetry/types.ts"
import { defaults } from "./defaults.ts"
import type { TelemetryInput } from "./schema.ts"

/** Where OTLP over HTTP takes spans (specification of OpenTelemetry, "OTLP/HTTP Request"). */
const tracesPath = "/v1/traces"

export function toTelemetry({ metrics, traces }: TelemetryInput, hostName: string): TelemetryConfig {
  return {
    metrics: metrics ?? defaults.telemetry.metrics,
    ...(traces !== undefined && {
      traces: {
        endpoint: wholeUrl(traces.endpoint),
        headers: traces.headers ?? {},
        sample: traces.sample ?? defaults.traces.sample,
        serviceName: traces.serviceName ?? hostName,
      },
    }),
  }
}

function wholeUrl(endpoint: string): string {
  const url = new URL(endpoint)
  if (url.pathname === "/") url.pathname = tracesPath
  return url.href
}

/** Credentials, whether they came through `${…}` or are written in the manifest. */
export function secretsOfTraces({ traces }: TelemetryConfig): string[] {
  if (traces === undefined) return []
  const { password } = new URL(traces.endpoint)
  const values = Object.values(traces.headers).flatMap((value) => [value, value.slice(value.indexOf(" ") + 1)])
  return [...values, password, decodeURIComponent(password)].filter((secret) => secret !== "")
}
