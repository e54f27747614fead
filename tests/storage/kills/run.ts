/** `npm run test:kills [-- number]`: 10,000 processes killed while they write to one store. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { killWriters } from "./kills.ts"

const kills = Number(process.argv[2] ?? 10_000)
const folder = await mkdtemp(path.join(tmpdir(), "mcp-host-kills-"))
const start = performance.now()
const onKill = (count: number): void => {
  if (count % 500 === 0) process.stdout.write(`${count} of ${kills} kills\n`)
}
try {
  const { operations, amidst } = await killWriters({ folder, kills, built: true, onKill })
  const minutes = ((performance.now() - start) / 60_000).toFixed(1)
  process.stdout.write(
    `${kills} kills, ${amidst} in the middle of an operation, ${operations} operations confirmed, ${minutes} min: no record half, lost or readable\n`,
  )
} finally {
  await rm(folder, { recursive: true, force: true })
}
