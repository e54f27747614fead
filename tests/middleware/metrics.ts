/** Metrics that a test can read. */
import type { Labels, Metrics, Sample } from "../../src/telemetry/types.ts"

export interface ReadableMetrics extends Metrics {
  /** What was added or observed under a name, by the values of its labels. */
  of(name: string): Readonly<Record<string, number>>
}

export function createMetrics(): ReadableMetrics {
  const sums = new Map<string, Map<string, number>>()
  const gauges = new Map<string, () => readonly Sample[]>()
  const add = (name: string, value: number, labels: Labels = {}): void => {
    const key = Object.values(labels).join(" ")
    const own = sums.get(name) ?? new Map<string, number>()
    own.set(key, (own.get(key) ?? 0) + value)
    sums.set(name, own)
  }
  return {
    enabled: true,
    counter: ({ name }) => ({ add: (value, labels) => add(name, value, labels) }),
    // How often, not how much.
    histogram: ({ name }) => ({ observe: (_value, labels) => add(name, 1, labels) }),
    gauge({ name }, read) {
      gauges.set(name, read)
      return () => void gauges.delete(name)
    },
    of(name) {
      const read = gauges.get(name)
      if (read === undefined) return Object.fromEntries(sums.get(name) ?? [])
      return Object.fromEntries(read().map(({ value, labels = {} }) => [Object.values(labels).join(" "), value]))
    },
  }
}
