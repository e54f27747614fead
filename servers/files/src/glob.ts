/** Globs: `*`, `?`, `**`, `{a,b}`. No regular expressions, so no pattern can take exponential time. */
const maxAlternatives = 64

/** A glob with a `/` matches the path below the searched folder, any other the name alone. */
export function createGlob(glob: string, ignoreCase: boolean): (path: readonly string[]) => boolean {
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text)
  const alternatives = expandBraces(fold(glob)).map((pattern) => pattern.split("/").filter((part) => part !== ""))
  const isPath = glob.includes("/")
  return (path) => {
    const parts = (isPath ? path : path.slice(-1)).map(fold)
    return alternatives.some((pattern) => matchesPath(pattern, parts))
  }
}

/** Row by row: `reachable[i]` says whether the pattern so far can match the first i parts. */
function matchesPath(pattern: readonly string[], parts: readonly string[]): boolean {
  let reachable = [true, ...parts.map(() => false)]
  for (const segment of pattern) {
    const next = reachable.map(() => false)
    for (const [index, isReachable] of reachable.entries()) {
      if (segment === "**") next[index] = isReachable || (next[index - 1] ?? false)
      else if (index > 0) next[index] = (reachable[index - 1] ?? false) && matchesName(segment, parts[index - 1] ?? "")
    }
    reachable = next
  }
  return reachable.at(-1) ?? false
}

/** Greedy with one step back to the last `*`: at most pattern × name steps. */
function matchesName(pattern: string, name: string): boolean {
  let star = -1
  let starredAt = 0
  let p = 0
  let n = 0
  while (n < name.length) {
    if (pattern[p] === "*") {
      star = p
      starredAt = n
      p += 1
    } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[n])) {
      p += 1
      n += 1
    } else if (star !== -1) {
      p = star + 1
      starredAt += 1
      n = starredAt
    } else return false
  }
  while (pattern[p] === "*") p += 1
  return p === pattern.length
}

/** `*.{ts,js}` becomes `*.ts` and `*.js`. Beyond the limit braces stay as they are. */
function expandBraces(glob: string): string[] {
  let expanded = [glob]
  for (;;) {
    const next = expanded.flatMap((pattern) => {
      const braces = /\{([^{}]*,[^{}]*)\}/.exec(pattern)
      if (braces === null) return [pattern]
      const after = pattern.slice(braces.index + braces[0].length)
      return (braces[1] ?? "").split(",").map((choice) => pattern.slice(0, braces.index) + choice + after)
    })
    if (next.length > maxAlternatives || next.every((pattern, index) => pattern === expanded[index])) return expanded
    expanded = next
  }
}
