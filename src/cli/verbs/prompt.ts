/** `mcp-host prompt`: one prompt through the whole host. */
import { objectsAt, stringAt } from "../../protocol/json.ts"
import { promptText } from "../content.ts"
import { assertNoClash, withHost } from "../localHost.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { splitPairs, unknownKey } from "../pairs.ts"
import { printProgress } from "../progress.ts"
import { callFailure, findComponent, withProgress } from "../requests.ts"
import { printJson, printResult } from "../terminal.ts"

export interface PromptOptions extends ManifestOptions, LogOptions {
  readonly raw?: boolean
}

export async function prompt(name: string, pairs: readonly string[], options: PromptOptions): Promise<number> {
  const given = splitPairs(pairs)
  const manifest = await loadFor(options)
  const settings = { logLevel: options.logLevel ?? "warn", profile: options.profile, notify: printProgress }
  const result = await withHost(manifest, settings, async (local) => {
    await local.ownerKnown(name, ["prompt"])
    assertNoClash(local, name)
    const component = findComponent(local.catalog(), name, ["prompt"])
    if (component !== undefined) {
      const known = objectsAt(component.payload, "arguments").flatMap((each) => stringAt(each, "name") ?? [])
      for (const key of given.keys()) if (!known.includes(key)) throw unknownKey(key, known, component.key)
    }
    try {
      return await local.request("prompts/get", withProgress({ name, arguments: Object.fromEntries(given) }))
    } catch (error) {
      throw callFailure(error, local.catalog(), { key: name, kinds: ["prompt"], known: component !== undefined })
    }
  })
  if (options.raw === true) await printJson(result)
  else await printResult(promptText(result))
  return 0
}
