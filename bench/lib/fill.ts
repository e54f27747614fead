/** The page with each `<!-- generated:name -->` … `<!-- /generated:name -->` filled. */
export function fill(page: string, parts: Readonly<Record<string, string>>): string {
  let filled = page
  for (const [name, text] of Object.entries(parts)) {
    const [begin, end] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`]
    const [from, to] = [filled.indexOf(begin), filled.indexOf(end)]
    if (from === -1 || to === -1) throw new Error(`The page has no part generated:${name}`)
    filled = `${filled.slice(0, from + begin.length)}\n\n${text}\n\n${filled.slice(to)}`
  }
  return filled
}
