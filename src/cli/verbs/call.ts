/** `mcp-host call`: one tool call through the whole host. */
import { type JsonObject, objectAt } from "../../protocol/json.ts"
import { toolText } from "../content.ts"
import { assertNoClash, withHost } from "../localHost.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { parseObject, splitPairs, typedArguments } from "../pairs.ts"
import { printProgress } from "../progress.ts"
import { callFailure, findComponent, withProgress } from "../requests.ts"
import { printJson, printResult } from "../terminal.ts"

export interface CallOptions extends ManifestOptions, LogOptions {
  /** The arguments as a JSON object; pairs are added to it. */
  readonly json?: string
  /** Print the whole result as JSON. */
  readonly raw?: boolean
}

export async function call(tool: string, pairs: readonly string[], options: CallOptions): Promise<number> {
  const given = splitPairs(pairs)
  const base = options.json === undefined ? {} : parseObject(options.json)
  const manifest = await loadFor(options)
  const settings = { logLevel: options.logLevel ?? "warn", profile: options.profile, notify: printProgress }
  const result = await withHost(manifest, settings, async (local): Promise<JsonObject> => {
    await local.ownerKnown(tool, ["tool"])
    assertNoClash(local, tool)
    const component = findComponent(local.catalog(), tool, ["tool"])
    const schema = component === undefined ? {} : (objectAt(component.payload, "inputSchema") ?? {})
    const args = { ...base, ...typedArguments(given, schema, component?.key ?? tool) }
    try {
      return await local.request("tools/call", withProgress({ name: tool, arguments: args }))
    } catch (error) {
      throw callFailure(error, local.catalog(), { key: tool, kinds: ["tool"], known: component !== undefined })
    }
  })
  if (options.raw === true) await printJson(result)
  else {
    const text = toolText(result)
    if (text !== "") await printResult(text)
  }
  return result["isError"] === true || result["resultType"] === "input_required" ? 1 : 0
}
