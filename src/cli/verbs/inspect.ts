/** `mcp-host inspect`: one component whole, with the way from its server's name to the one clients see. */
import type { Component } from "../../composition/types.ts"
import type { Manifest } from "../../manifest/types.ts"
import { type JsonObject, objectsAt } from "../../protocol/json.ts"
import { kindWords } from "../../protocol/methods.ts"
import { maskedValue } from "../../telemetry/maskedValue.ts"
import { masked } from "../failure.ts"
import { kindNames, shownKinds } from "../kinds.ts"
import { layersOf, layersText } from "../layers.ts"
import { assertNoClash, downOwner, withHost } from "../localHost.ts"
import { type LogOptions, loadFor, type ManifestOptions } from "../manifestOptions.ts"
import { findComponent, unknownComponent } from "../requests.ts"
import { onOneLine } from "../table.ts"
import { colorsFor, printJson, printNote, printResult } from "../terminal.ts"

export interface InspectOptions extends ManifestOptions, LogOptions {
  readonly json?: boolean
  /** Which of the kinds, where several share a name. */
  readonly kind?: string
}

export async function inspect(key: string, options: InspectOptions): Promise<number> {
  const manifest = await loadFor(options)
  const kinds = shownKinds.filter((kind) => options.kind === undefined || options.kind === kindNames[kind].one)
  const { component, levels, profile } = await withHost(
    manifest,
    { logLevel: options.logLevel ?? "error", profile: options.profile },
    async (local) => {
      await local.ownerKnown(key, kinds)
      assertNoClash(local, key)
      const component = findComponent(local.catalog(), key, kinds)
      if (component === undefined) throw downOwner(local, key) ?? unknownComponent(local.catalog(), key, kinds)
      const others = kinds.filter((kind) => kind !== component.kind && local.catalog().resolve(kind, key) !== undefined)
      for (const kind of others)
        printNote(`note: a ${kindNames[kind].one} has this name too; see it with --kind ${kindNames[kind].one}`)
      return { component, levels: local.trace(component), profile: local.profile }
    },
  )
  const report = reportOf(component, layersOf(component, levels, profile), levels[0]?.component ?? component)
  if (options.json === true) await printJson(maskedValue(report, masked))
  else await printResult(masked(forPeople(component, report, manifest)))
  return 0
}

function reportOf({ kind, key, tags, payload }: Component, layers: JsonObject[], { origin }: Component): JsonObject {
  return {
    kind: kindNames[kind].one,
    [kindWords[kind].id]: key,
    server: origin.server,
    original: origin.key,
    tags: [...tags],
    layers,
    definition: payload,
  }
}

function forPeople({ key, tags }: Component, report: JsonObject, manifest: Manifest): string {
  const colors = colorsFor(process.stdout)
  const line = (name: string, text: string): string => `${colors.dim(name.padEnd(10))}${onOneLine(text)}`
  const [layers = "", ...outer] = layersText(objectsAt(report, "layers"), manifest).split("\n")
  return [
    line(String(report["kind"]), key),
    line("server", String(report["server"])),
    line("original", String(report["original"])),
    line("tags", tags.size === 0 ? "-" : [...tags].join(", ")),
    line("layers", layers),
    ...outer.map((each) => line("", each)),
    "",
    JSON.stringify(report["definition"], null, 2),
  ].join("\n")
}
