import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { pageOf, root } from "./support.ts"

const units: Readonly<Record<string, number>> = {
  "": 1,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  KiB: 1024,
  MiB: 1024 ** 2,
}

const rows = [
  ...pageOf("docs/architecture.md").text.matchAll(
    /^\| (?<limit>[^|]+) \| (?<amount>[\d,]+) ?(?<unit>\w*) \| `(?<name>\w+)` in \[[^\]]+\]\(\.\.\/(?<file>[^)]+)\) \|$/gm,
  ),
].map(({ groups = {} }) => groups)

describe("the limits of docs/architecture.md", () => {
  it("are a table", () => {
    expect(rows.length).toBeGreaterThan(20)
  })

  it.each(rows)("$limit: $amount $unit", ({ amount = "", unit = "", name, file = "" }) => {
    const source = readFileSync(path.join(root, file), "utf8")
    const written = new RegExp(`^(?:export )?const ${name} = ([\\d_ *]+)$`, "m").exec(source)?.[1]
    expect(written, `${name} in ${file}`).toBeDefined()
    const value = (written ?? "")
      .replaceAll("_", "")
      .split("*")
      .reduce((product, factor) => product * Number(factor), 1)
    expect(value).toBe(Number(amount.replaceAll(",", "")) * (units[unit] ?? Number.NaN))
  })
})
