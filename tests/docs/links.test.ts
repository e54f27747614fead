import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { pages, prose, root } from "./support.ts"

interface Link {
  readonly target: string
  readonly anchor: string | undefined
}

describe.each(pages)("$file", ({ file, text }) => {
  it("has only links that lead somewhere", () => {
    const links = relativeLinks(text)
    const broken = links.filter(({ target, anchor }) => {
      const found = target === "" ? path.join(root, file) : path.resolve(root, path.dirname(file), target)
      if (!existsSync(found)) return true
      return anchor !== undefined && !anchors(readFileSync(found, "utf8")).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  it("names no path of one machine", () => {
    expect(text).not.toMatch(/\/(home|Users|root|work)\/(?!you\b)\w/)
  })
})

function relativeLinks(text: string): Link[] {
  const targets = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target)
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = "", anchor] = target.split("#")
      return { target: file, anchor }
    })
}

/** As GitHub makes them of headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  )
}
