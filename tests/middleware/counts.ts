/** Metrics that keep their figures for a test to look at. */
import type { Labels, Metrics, Sample } from "../../src/telemetry/types.ts"

export interface Counts {
  readonly metrics: Metrics
  /** The value of a counter, or how often a histogram was told something; labels in any order. */
  value(name: string, labels?: Labels): number
  gauge(name: string): readonly Sample[]
}

export function createCounts(): Counts {
  const figures = new Map<string, number>()
  const gauges = new Map<string, () => readonly Sample[]>()
  const keyOf = (name: string, labels: Labels = {}): string =>
    `${name} ${JSON.stringify(Object.entries(labels).sort())}`
  const add = (name: string, value: number, labels?: Labels): void => {
    const key = keyOf(name, labels)
    figures.set(key, (figures.get(key) ?? 0) + value)
  }
  return {
    metrics: {
      enabled: true,
      counter: ({ name }) => ({ add: (value, labels) => add(name, value, labels) }),
      histogram: ({ name }) => ({ observe: (_value, labels) => add(name, 1, labels) }),
      gauge({ name }, read) {
        gauges.set(name, read)
        return () => gauges.delete(name)
      },
    },
    value: (name, labels) => figures.get(keyOf(name, labels)) ?? 0,
    gauge: (name) => gauges.get(name)?.() ?? [],
  }
}
