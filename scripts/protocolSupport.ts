/**
 * Runs every check of the crossing matrix through the built host and, when all hold, writes their table into
 * docs/protocol-support.md. Run by `npm run protocol-support`; a test fails when the page is out of step with the list.
 */
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import type { Cell } from "../tests/e2e/crossings/cell.ts"
import { features } from "../tests/e2e/crossings/features.ts"
import { startCells } from "../tests/e2e/crossings/rig.ts"
import { withTable } from "../tests/e2e/crossings/table.ts"
import { closeAll } from "../tests/e2e/rig.ts"

const page = path.resolve(import.meta.dirname, "../docs/protocol-support.md")

const print = (line: string): void => void process.stdout.write(`${line}\n`)

async function failuresIn(cell: Cell): Promise<string[]> {
  const name = `${cell.crossing}, client over ${cell.clientTransport}, server over ${cell.serverTransport}`
  const failures: string[] = []
  for (const { title, check } of features) {
    // A check that fails does not keep the others from running.
    await check(cell).catch((error: unknown) => void failures.push(`${name}: ${title}: ${error}`))
  }
  print(`${name}: ${features.length - failures.length} of ${features.length}`)
  return failures
}

async function main(): Promise<number> {
  const failures: string[] = []
  try {
    for (const cell of await startCells()) failures.push(...(await failuresIn(cell)))
  } finally {
    await closeAll()
  }
  if (failures.length > 0) {
    print(`\n${failures.join("\n\n")}\n\nThe page was not written.`)
    return 1
  }
  await writeFile(page, withTable(await readFile(page, "utf8")))
  print("Written: docs/protocol-support.md")
  return 0
}

// Servers of the SDKs keep timers for tasks nobody fetched.
process.exit(await main())
