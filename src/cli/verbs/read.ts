/** `mcp-host read`: one resource through the whole host. */
import { resourceContents } from "../content.ts"
import { assertNoClash, withHost } from "../localHost.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { printProgress } from "../progress.ts"
import { callFailure, withProgress } from "../requests.ts"
import { printBytes, printJson, printResult } from "../terminal.ts"

export interface ReadOptions extends ManifestOptions, LogOptions {
  readonly raw?: boolean
}

export async function read(uri: string, options: ReadOptions): Promise<number> {
  const manifest = await loadFor(options)
  const settings = { logLevel: options.logLevel ?? "warn", profile: options.profile, notify: printProgress }
  const result = await withHost(manifest, settings, async (local) => {
    await local.ownerKnown(uri, ["resource"])
    assertNoClash(local, uri)
    try {
      return await local.request("resources/read", withProgress({ uri }))
    } catch (error) {
      const known = local.catalog().resolveUri(uri) !== undefined
      throw callFailure(error, local.catalog(), { key: uri, kinds: ["resource"], known })
    }
  })
  if (options.raw === true) await printJson(result)
  else {
    const contents = resourceContents(result)
    if (typeof contents === "string") await printResult(contents)
    else if (process.stdout.isTTY === true) await printResult(`[${contents.length} bytes; send them to a file]`)
    else await printBytes(contents)
  }
  return 0
}
