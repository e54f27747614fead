/** Says in the log when spans cannot be sent, and when they can again: once each, not for every batch. */
import type { SpanExporter } from "@opentelemetry/sdk-trace-base"

export function withWarnings(exporter: SpanExporter, warn: (message: string) => void): SpanExporter {
  let failing = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== 0
        if (failed && !failing)
          warn(`spans cannot be sent, and are lost meanwhile: ${result.error?.message ?? "refused"}`)
        if (!failed && failing) warn("spans are sent again")
        failing = failed
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush !== undefined && { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  }
}
