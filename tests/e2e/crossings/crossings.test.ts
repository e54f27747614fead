/**
 * Every feature in every crossing: clients of both generations, servers of both generations, standard streams and HTTP on
 * either side, through the built host. What must work, and what a user gets where it cannot, is in `features.ts`.
 */
import { afterAll, beforeAll, describe, it } from "vitest"
import { closeAll } from "../rig.ts"
import { type Cell, crossings } from "./cell.ts"
import { features } from "./features.ts"
import { startCells, transports } from "./rig.ts"

let cells: readonly Cell[] = []

beforeAll(async () => {
  cells = await startCells()
})

afterAll(closeAll, 30_000)

const pairs = crossings.flatMap((crossing) =>
  transports.flatMap((from) => transports.map((to) => [crossing, from, to] as const)),
)

describe.each(pairs)("%s, client over %s, server over %s", (crossing, from, to) => {
  it.each(features)("$title", async ({ check }) => {
    const cell = cells.find(
      (each) => each.crossing === crossing && each.clientTransport === from && each.serverTransport === to,
    )
    if (cell === undefined) throw new Error("no such cell")
    await check(cell)
  })
})
