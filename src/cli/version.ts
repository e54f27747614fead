/** The version of this software. */
import { readFileSync } from "node:fs"

export function readVersion(): string {
  // The same from `src/cli` and from `dist/cli`.
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  return (JSON.parse(text) as { version: string }).version
}
