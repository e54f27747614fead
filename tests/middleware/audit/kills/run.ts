/** `npx tsx tests/middleware/audit/kills/run.ts 500`: the kills of the test, as many as one likes, of what is built. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { killWriters } from "./kills.ts"

const folder = await mkdtemp(path.join(tmpdir(), "mcp-host-audit-"))
const kills = Number(process.argv[2] ?? 500)
const { confirmed, torn, verified } = await killWriters(path.join(folder, "audit.jsonl"), { kills, built: true })
const { lines, files, broken } = verified
process.stdout.write(
  `${JSON.stringify({ kills, confirmed, lines, files: files.length, torn, broken: broken ?? null })}\n`,
)
await rm(folder, { recursive: true })
