/** docs/telemetry.md and the dashboard say what the code does: every metric, with its type, labels and meaning. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { addOpenings } from "../../src/endpoints/http/metricsRoute.ts"
import { addGauges } from "../../src/host/gauges.ts"
import { promClientPeer, sdkPeers } from "../../src/telemetry/peers.ts"
import { createPrometheusMetrics } from "../../src/telemetry/prometheus.ts"
import { createRequestMetrics } from "../../src/telemetry/requestMetrics.ts"
import type { MetricFacts, Metrics } from "../../src/telemetry/types.ts"
import { parseExposition } from "../telemetry/support.ts"
import { pageOf, root } from "./support.ts"

const page = pageOf("docs/telemetry.md").text
const packageJson = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  readonly devDependencies: Readonly<Record<string, string>>
}

/** The metrics of the host itself, noted as they are made, and what Prometheus would read of them. */
async function own() {
  const noted = new Map<string, MetricFacts>()
  const note = <T extends MetricFacts>(facts: T): T => {
    noted.set(facts.name, facts)
    return facts
  }
  const real = await createPrometheusMetrics(root)
  const metrics: Metrics = {
    enabled: true,
    counter: (facts) => real.counter(note(facts)),
    histogram: (facts) => real.histogram(note(facts)),
    gauge: (facts, read) => real.gauge(note(facts), read),
  }
  createRequestMetrics(metrics)
  addGauges({ servers: () => [], graph: undefined as never }, metrics)
  addOpenings(metrics, () => [])
  return { noted, exposition: parseExposition((await real.expose()).text) }
}

const rows = [
  ...page.matchAll(/^\| `(?<name>mcp_host_\w+)` \| (?<type>\w+) \| (?<labels>[^|]+) \| (?<help>[^|]+) \|$/gm),
].map(({ groups = {} }) => groups)

describe("the table of metrics", () => {
  it("has each metric as the code makes it", async () => {
    const { noted, exposition } = await own()
    const made = [...noted.values()].map(({ name, help, labels = [] }) => ({
      ...{ name, help, type: exposition.types[name] },
      labels: labels.length === 0 ? "–" : labels.map((label) => `\`${label}\``).join(", "),
    }))
    const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
      String(a.name).localeCompare(String(b.name))
    expect(rows.map((row) => ({ ...row })).toSorted(byName)).toEqual(made.toSorted(byName))
  })

  it("leaves out no metric of the rooms it is about, and pages name those of middleware", () => {
    const pages = readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".md"))
      .map((file) => readFileSync(path.join(root, "docs", file), "utf8"))
      .join("\n")
    // Those of middleware are named where middleware is described.
    const told = existsSync(path.join(root, "docs/middleware.md")) ? [] : namesIn("src/middleware")
    const names = namesIn("src").filter((name) => !told.includes(name))
    const missing = names.filter((name) => !pages.includes(`\`${name}\``))
    expect(missing).toEqual([])
  })
})

function namesIn(folder: string): string[] {
  const files = readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
  const texts = files
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(path.join(root, folder, file), "utf8"))
  return [...new Set(texts.flatMap((text) => text.match(/(?<=")mcp_host_[a-z_]+(?=")/g) ?? []))]
}

describe("the dashboard", () => {
  const dashboard = JSON.parse(readFileSync(path.join(root, "docs/grafana-dashboard.json"), "utf8")) as {
    readonly title: string
    readonly panels: readonly {
      readonly id: number
      readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>
      readonly targets: readonly { readonly expr: string }[]
    }[]
    readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] }
  }
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  const variables = dashboard.templating.list.map(({ query }) => JSON.stringify(query))
  const used = new Set(
    [...expressions, ...variables].flatMap((text) => text.match(/\b(mcp_host|process|nodejs)_\w+/g) ?? []),
  )

  it("uses metrics that exist, and every metric of the host", async () => {
    const { noted, exposition } = await own()
    const names = new Set([...Object.keys(exposition.types), ...namesIn("src")])
    const unknown = [...used].filter((name) => !names.has(name.replace(/_(bucket|sum|count)$/, "")))
    // The middleware that counts hits of a cache is a room of its own.
    const waiting = existsSync(path.join(root, "src/middleware/cache.ts")) ? [] : ["mcp_host_cache_requests_total"]
    expect(unknown).toEqual(waiting)
    expect([...noted.keys()].filter((name) => !used.has(name) && !used.has(`${name}_bucket`))).toEqual([])
  })

  it("knows the labels it groups and filters by", async () => {
    const { noted } = await own()
    for (const expr of expressions) {
      const [name = ""] = expr.match(/mcp_host_\w+/) ?? []
      const facts = noted.get(name.replace(/_bucket$/, ""))
      if (facts === undefined) continue
      const grouped = [...expr.matchAll(/by \(([^)]+)\)/g)].flatMap(([, labels = ""]) => labels.split(", "))
      const filtered = [...expr.matchAll(/(\w+)[=!]~?"/g)].map(([, label = ""]) => label)
      const known = [...(facts.labels ?? []), "job", "le"]
      expect([...grouped, ...filtered].filter((label) => !known.includes(label))).toEqual([])
    }
  })

  it("can be imported: panels with ids of their own that do not overlap", () => {
    expect(dashboard.title).toBe("mcp-host")
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w } }) =>
      Array.from({ length: w }, (_, index) => `${x + index} ${y}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
  })
})

it("the packages to install are those the code asks for, and the ones it is tested with", () => {
  for (const peers of [[promClientPeer], sdkPeers]) {
    expect(page).toContain(`npm install ${peers.map(({ name, version }) => `${name}@${version}`).join(" ")}\n`)
    for (const { name, version } of peers) expect(packageJson.devDependencies[name]).toBe(version)
  }
})
