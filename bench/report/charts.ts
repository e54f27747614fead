/** Bar charts as SVG, made by hand: readable on light and dark pages, and without scripts. */
import { toFigure, toRatio } from "../lib/report.ts"
import type { Results } from "../lib/results.ts"
import { roleOf, titleOf } from "../lib/targets.ts"
import { megabyte } from "../scenarios/calls.ts"
import { tableAt } from "./goals.ts"

export interface Bar {
  readonly label: string
  readonly value: number
  readonly role: string
}

interface Chart {
  readonly title: string
  readonly bars: readonly Bar[]
  readonly show: (value: number) => string
  readonly goal?: number
}

const width = 760
const labelWidth = 300
const valueWidth = 90
const barHeight = 18
const rowHeight = 28
const top = 44

/** File name → SVG. */
export function chartsOf(results: Results): Readonly<Record<string, string>> {
  const small = tableAt(results, { upstream: "stdio", callers: 64 }) ?? []
  const large = tableAt(results, { upstream: "stdio", callers: 8, bytes: megabyte }) ?? []
  const bars = (from: typeof small, value: (each: (typeof small)[number]) => number | undefined): readonly Bar[] =>
    from.flatMap((each) => {
      const known = value(each)
      return known === undefined ? [] : [{ label: titleOf(each.target), role: roleOf(each.target), value: known }]
    })
  const gateways = (from: typeof small) => from.filter(({ target }) => target !== "direct")
  return {
    "cpu-per-call.svg": draw({
      title: "CPU of the gateway per call, µs (100 B, 64 callers, stdio upstream)",
      bars: bars(gateways(small), ({ cpuUsPerCall }) => cpuUsPerCall),
      show: (value) => `${toFigure(value)} µs`,
      goal: 60,
    }),
    "calls-per-second.svg": draw({
      title: "Calls/s, × direct connection (100 B, 64 callers, stdio upstream)",
      bars: bars(small, ({ ratios }) => ratios.callsPerSecond),
      show: (value) => `${toRatio(value)} ×`,
      goal: 0.55,
    }),
    "cpu-per-megabyte.svg": draw({
      title: "CPU of the gateway per 1 MB result, ms (8 callers, stdio upstream)",
      bars: bars(gateways(large), ({ cpuUsPerCall }) =>
        cpuUsPerCall === undefined ? undefined : cpuUsPerCall / 1_000,
      ),
      show: (value) => `${toFigure(value)} ms`,
      goal: 1.5,
    }),
  }
}

export function draw({ title, bars, show, goal }: Chart): string {
  const height = top + bars.length * rowHeight + 16
  const longest = Math.max(...bars.map(({ value }) => value), goal ?? 0, Number.MIN_VALUE)
  const scale = (value: number): number => (value / longest) * (width - labelWidth - valueWidth)
  const rows = bars.map(({ label, value, role }, at) => {
    const y = top + at * rowHeight
    const end = labelWidth + scale(value)
    return [
      `<text x="${labelWidth - 10}" y="${y + 13}" text-anchor="end">${xml(label)}</text>`,
      `<rect class="${role}" x="${labelWidth}" y="${y}" width="${Math.max(1, scale(value)).toFixed(1)}" height="${barHeight}" rx="2"/>`,
      `<text x="${(end + 8).toFixed(1)}" y="${y + 13}" class="value">${xml(show(value))}</text>`,
    ].join("\n  ")
  })
  const goalLine =
    goal === undefined
      ? []
      : [
          `<line class="goal" x1="${(labelWidth + scale(goal)).toFixed(1)}" x2="${(labelWidth + scale(goal)).toFixed(1)}" y1="${top - 8}" y2="${height - 12}"/>`,
          `<text x="${(labelWidth + scale(goal)).toFixed(1)}" y="${top - 12}" class="goal-name" text-anchor="middle">goal ${xml(show(goal))}</text>`,
        ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${xml(title)}">
  <style>
    text { font: 12px system-ui, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 13px; }
    .value, .goal-name { font-size: 11px; fill: #59636e; }
    .base { fill: #9aa4af; }
    .floor { fill: #9aa4af; }
    .host { fill: #0969da; }
    .peer { fill: #d4a72c; }
    .goal { stroke: #cf222e; stroke-width: 1; stroke-dasharray: 4 3; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .value, .goal-name { fill: #9198a1; }
      .base, .floor { fill: #656c76; }
      .host { fill: #4493f8; }
      .peer { fill: #bb8009; }
    }
  </style>
  <text x="0" y="15" class="title">${xml(title)}</text>
  ${[...rows, ...goalLine].join("\n  ")}
</svg>
`
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")
}
