import { readFileSync } from "node:fs"
import path from "node:path"
import { expect, it } from "vitest"
import { crossings } from "../e2e/crossings/cell.ts"
import { features } from "../e2e/crossings/features.ts"
import { notes } from "../e2e/crossings/notes.ts"
import { withTable } from "../e2e/crossings/table.ts"
import { pageOf, root } from "./support.ts"

const { text } = pageOf("docs/protocol-support.md")

it("docs/protocol-support.md has the table of the crossing matrix (npm run protocol-support)", () => {
  expect(text).toBe(withTable(text))
})

it("every feature has a mark in every crossing, and what does not exist says why", () => {
  for (const { marks } of features) {
    for (const crossing of crossings) {
      const mark = marks[crossing]
      if (typeof mark === "string") expect(mark).toBe("✓")
      else expect(Object.keys(notes)).toContain(mark[1])
    }
  }
  const used = features.flatMap(({ marks }) =>
    Object.values(marks).flatMap((mark) => (typeof mark === "string" ? [] : [mark[1]])),
  )
  expect(new Set(used)).toEqual(new Set(Object.keys(notes)))
})

it("the limits it names are those of the code", () => {
  const limits = [
    [/(\d+) seconds for a person/, "src/endpoints/parkedCall.ts", "answerMs", 1_000],
    [/at most (\d+) times when a legacy client/, "src/wire/bridge.ts", "maxRounds", 1],
    [/(\d+) times when a modern client/, "src/endpoints/parkedCall.ts", "maxRounds", 1],
    [/([\d,]+) calls of modern clients/, "src/endpoints/parking.ts", "maxParked", 1],
  ] as const
  for (const [written, file, name, unit] of limits) {
    const said = Number(written.exec(text)?.[1]?.replaceAll(",", "")) * unit
    const source = readFileSync(path.join(root, file), "utf8")
    const value = new RegExp(`^(?:export )?const ${name} = ([\\d_]+)$`, "m").exec(source)?.[1]
    expect(said, `${name} in ${file}`).toBe(Number(value?.replaceAll("_", "")))
  }
})
