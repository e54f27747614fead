/** URIs of files: `files://<root>/<path>`, each segment percent-encoded. */
import { FileError } from "./fileError.ts"
import { type Location, locate, type Root } from "./roots.ts"

const scheme = "files://"

export function toUri({ root, segments }: Pick<Location, "root" | "segments">): string {
  return `${scheme}${[root.name, ...segments.map(encodeURIComponent)].join("/")}`
}

/**
 * Decodes once and segment by segment, so that an encoded separator never becomes a real one. `?` and `#` are part of
 * the name: the template's `{+path}` does not encode them.
 */
export function fromUri(roots: readonly Root[], uri: string): Location {
  if (!uri.startsWith(scheme)) throw new FileError(`${uri} is not of the form files://root/path.`)
  const segments = uri.slice(scheme.length).split("/").map(decodeSegment)
  if (segments.some((segment) => /[/\\\0]/.test(segment))) throw new FileError(`${uri} hides a separator.`)
  return locate(roots, segments.join("/"))
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new FileError(`"${segment}" is not valid percent-encoding.`)
  }
}
