import { describe, expect, it } from "vitest"
import { ShownUris } from "../../src/host/shownUris.ts"

const always = (): boolean => true

describe("ShownUris", () => {
  it("remembers who showed a URI last", () => {
    const shown = new ShownUris()
    expect(shown.ownerOf("https://a", always)).toBeUndefined()
    shown.remember("https://a", "one")
    shown.remember("https://a", "two")
    expect(shown.ownerOf("https://a", always)).toEqual({ server: "two", uri: "https://a" })
  })

  it("asks whether the server's filters allow it", () => {
    const shown = new ShownUris()
    shown.remember("https://a", "one")
    expect(shown.ownerOf("https://a", (server, uri) => !(server === "one" && uri === "https://a"))).toBeUndefined()
  })

  it("forgets what was shown longest ago", () => {
    const shown = new ShownUris()
    for (let number = 0; number < 10_000; number += 1) shown.remember(`https://${number}`, "s")
    shown.remember("https://0", "s")
    shown.remember("https://new", "s")
    expect(shown.ownerOf("https://0", always)).toBeDefined()
    expect(shown.ownerOf("https://1", always)).toBeUndefined()
    expect(shown.ownerOf("https://2", always)).toBeDefined()
  })
})
