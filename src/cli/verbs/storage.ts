/** `mcp-host storage rotate`: encrypts what is in stores with the key that the manifest gives now. */
import { HostError } from "../../errors.ts"
import { createLogger } from "../../telemetry/logger.ts"
import { hideWith } from "../failure.ts"
import { loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { storageOf } from "../storage.ts"
import { hasColor, printResult } from "../terminal.ts"

/** Of the stores named, or of all that are encrypted. */
export async function rotate(names: readonly string[], options: ManifestOptions): Promise<number> {
  const manifest = await loadFor(options)
  const { log, hide, mask } = await createLogger({ level: "warn", format: "pretty", color: hasColor(process.stderr) })
  hide(manifest.secrets)
  hideWith(mask)
  const known = Object.keys(manifest.storage)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new HostError("USAGE", `there is no store ${JSON.stringify(unknown)} in ${options.manifest}`, {
      help: known.length === 0 ? "Describe it under storage." : `Name one of ${known.join(", ")}.`,
    })
  const encrypted = known.filter((name) => manifest.storage[name]?.encrypt !== undefined)
  const storage = storageOf(manifest, (message) => log.warn(message))
  try {
    for (const name of names.length > 0 ? names : encrypted) {
      const { rotated, current } = await storage.rotate(name)
      await printResult(`${name}: ${records(rotated)} encrypted anew, ${records(current)} had the current key`)
    }
    if (names.length === 0 && encrypted.length === 0) await printResult("No store is encrypted.")
    return 0
  } finally {
    await storage.close()
  }
}

function records(count: number): string {
  return `${count} ${count === 1 ? "record" : "records"}`
}
