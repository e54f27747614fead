/**
 * The plain form of a URI: what a server that tidies URIs up may take it for. Filters look at it besides the URI itself,
 * so that `file:///a/../secret` or `file:///%73ecret` does not slip past a filter on `file:///secret`. It is only ever
 * used to hide more, never to route.
 */
export interface PlainUri {
  readonly text: string
  /** Whether dot segments were removed: the URI names another place than it seems to. */
  readonly climbs: boolean
}

export function toPlainUri(uri: string): PlainUri {
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(uri)
  const scheme = parts?.[1]?.toLowerCase() ?? ""
  const body = parts?.[2] ?? uri
  const isFile = scheme === "file"
  // A server never sees a fragment as part of the name, and a file has no query.
  const whole = decodePercent(body.slice(0, lengthBefore(body, isFile ? /[?#]/ : /#/))).replace(/\\|%5C/gi, "/")
  const hasAuthority = whole.startsWith("//")
  const slash = hasAuthority ? whole.indexOf("/", 2) : 0
  const authority = hasAuthority ? whole.slice(2, slash === -1 ? undefined : slash) : ""
  const { path, climbs } = withoutDots(slash === -1 ? "" : whole.slice(slash))
  const head = scheme === "" ? "" : `${scheme}:`
  if (isFile) return { text: `${head}//${authority.toLowerCase() === "localhost" ? "" : authority}/${path}`, climbs }
  if (hasAuthority) return { text: `${head}//${path === "" ? authority : `${authority}/${path}`}`, climbs }
  return { text: `${head}${whole.startsWith("/") ? "/" : ""}${path}`, climbs }
}

function lengthBefore(text: string, end: RegExp): number {
  const at = text.search(end)
  return at === -1 ? text.length : at
}

/** Decodes ASCII once, but for `*` and the backslash, which mean something in globs; the rest stays encoded. */
export function decodePercent(text: string): string {
  return text.replace(/%(?!2A|5C)([0-7][0-9A-F])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function withoutDots(text: string): { path: string; climbs: boolean } {
  const kept: string[] = []
  let climbs = false
  for (const segment of text.split("/")) {
    const dots = segment === "." || segment === ".."
    climbs ||= dots
    if (segment === "..") kept.pop()
    if (segment !== "" && !dots) kept.push(segment)
  }
  return { path: kept.join("/"), climbs }
}
