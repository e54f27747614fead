/** Reads the local files of `host.icons` as `data:` URIs: a client cannot fetch a file of this machine. */
import { readFileSync, statSync } from "node:fs"
import { extname, resolve } from "node:path"
import type { JsonObject } from "../protocol/json.ts"
import { reasonOf } from "./readText.ts"
import type { HostInput } from "./schema.ts"
import { type Path, type Scope, valueWords } from "./scope.ts"
import { nodeAt } from "./tree.ts"
import { pathText } from "./words.ts"

type IconInput = NonNullable<HostInput["icons"]>[number]

/** Every client gets the icons at every connection. */
const largestIcon = 256 * 1024

const mimeTypes: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".svg": "image/svg+xml",
  ".webp": "image/webp",
  ".gif": "image/gif",
  ".ico": "image/x-icon",
}

/** The icon as `serverInfo` shows it, or undefined when a problem was reported. */
export function readIcon(icon: IconInput, path: Path, scope: Scope): JsonObject | undefined {
  if (/^(https?|data):/i.test(icon.src)) return definedMembers(icon)
  const at = [...path, "src"]
  const node = nodeAt(scope.tree, at)
  const given = node === undefined ? "" : valueWords(node, at)
  const mimeType = icon.mimeType ?? mimeTypes[extname(icon.src).toLowerCase()]
  if (mimeType === undefined) {
    const message = `${pathText(at)}: the media type of ${given} is not known`
    scope.problem("MANIFEST_INVALID_VALUE", at, message, "Add mimeType beside src.")
    return undefined
  }
  const content = readBytes(resolve(scope.directoryOf(at), icon.src))
  if (typeof content === "string") {
    scope.problem("MANIFEST_MISSING_PATH", at, `${pathText(at)}: the file ${given} ${content}`)
    return undefined
  }
  return { ...definedMembers(icon), mimeType, src: `data:${mimeType};base64,${content.toString("base64")}` }
}

function definedMembers(icon: IconInput): JsonObject {
  // Members come from the manifest, so they are JSON.
  return Object.fromEntries(Object.entries(icon).filter(([, value]) => value !== undefined)) as JsonObject
}

/** The bytes, or the reason there are none. */
function readBytes(file: string): Buffer | string {
  try {
    const stats = statSync(file)
    if (!stats.isFile()) return "is not a regular file"
    if (stats.size > largestIcon) return `is larger than ${largestIcon / 1024} KiB`
    return readFileSync(file)
  } catch (error) {
    return reasonOf(error).reason
  }
}
