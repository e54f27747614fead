/** Metrics that keep nothing and cost nothing: for when `telemetry.metrics` is off. */
import type { Metrics } from "./types.ts"

const nothing = (): void => undefined

export const noMetrics: Metrics = {
  enabled: false,
  counter: () => ({ add: nothing }),
  histogram: () => ({ observe: nothing }),
  gauge: () => nothing,
}
