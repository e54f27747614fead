/** The schema of `telemetry`: metrics and traces. */

import * as z from "zod/mini"
import { defaults } from "./defaults.ts"
import { flag, mapping, optional, required, share, text, webUrl } from "./fields.ts"

const tracesSchema = mapping({
  endpoint: required(webUrl(), {
    description: "Where spans are sent by OTLP over HTTP. An address without a path gets `/v1/traces`.",
    examples: ["http://localhost:4318"],
  }),
  headers: optional(z.record(z.string(), text("text"), { error: "a mapping of header names to values" }), {
    description: "Headers that go with the spans.",
    default: {},
    examples: [{ Authorization: "Bearer ${OTLP_TOKEN}" }],
  }),
  sample: optional(share(), {
    description:
      "Which part of the requests is traced, from 0 to 1. Where a client says whether its request is sampled, that counts.",
    default: defaults.traces.sample,
  }),
  serviceName: optional(text(), {
    description: "`service.name` of the spans.",
    absent: "`host.name`",
    examples: ["workbench"],
  }),
})

export const telemetrySchema = mapping({
  metrics: optional(flag(), {
    description: "`true` keeps metrics and shows them to Prometheus at `/metrics`. Needs the package prom-client.",
    default: defaults.telemetry.metrics,
  }),
  traces: optional(tracesSchema, {
    description: "Sends a span of every request, middleware and server's answer. Needs packages of OpenTelemetry.",
    absent: "none are sent",
  }),
})
