/** Secrets are found in whatever form they are written, and nothing else is. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createMasker } from "../../src/telemetry/masker.ts"
import { holds } from "../composition/property.ts"
import { encodings, seededSecrets, traces } from "./encodings.ts"

const secrets = seededSecrets(200)
const masker = createMasker()
masker.hide(secrets)

describe.each(Object.entries(encodings))("%s", (_name, encode) => {
  it("is masked, each of 200 secrets, with what stands around it kept", () => {
    for (const secret of secrets) {
      const masked = masker.mask(`token (${encode(secret)}) refused`)
      // Base64 of more than the secret keeps what is not of it.
      expect(masked).toMatch(/^token \(.{0,4}\[hidden\].{0,5}\) refused$/)
      expect(traces(secret).filter((trace) => masked.includes(trace))).toEqual([])
    }
  })
})

it("masks what is cut into lines, and lines that are indented", () => {
  const { hide, mask } = createMasker()
  hide(["-----BEGIN KEY-----\n  MIIabc123xyz\n}\n-----END KEY-----"])
  expect(mask("read MIIabc123xyz and }")).toBe("read [hidden] and }")
})

it("masks what was trimmed", () => {
  const { hide, mask } = createMasker()
  hide([" s3cr3t-value\n"])
  expect(mask("it is s3cr3t-value.")).toBe("it is [hidden].")
})

it("leaves everything else as it is", () => {
  const { hide, mask } = createMasker()
  const text = 'a line with "C:\\\\new\\u0041", 100%25, a+b &amp; &#65; c2VjcmV0 and 736563726574'
  expect(mask(text)).toBe(text)
  hide(["a secret", "abc"])
  expect(mask(text)).toBe(text)
  expect(mask("abc is too short")).toBe("abc is too short")
  expect(mask("")).toBe("")
})

it("masks overlapping and neighbouring secrets whole", () => {
  const { hide, mask } = createMasker()
  hide(["first-secret", "secret-second", "first-secret-and-more"])
  expect(mask("<first-secret-second>")).toBe("<[hidden]>")
  expect(mask("<first-secret-and-more>")).toBe("<[hidden]>")
  expect(mask("first-secretfirst-secret")).toBe("[hidden][hidden]")
})

it("keeps a line of JSON one, whatever the secret ends with", () => {
  const { hide, mask } = createMasker()
  const odd = ["ends with \\", 'has " inside', "\\u0041 in it", "a\\", "&quot;,x"].filter(({ length }) => length >= 4)
  hide(odd)
  for (const secret of odd) {
    const line = JSON.stringify({ before: 1, secret, nested: JSON.stringify({ secret }) })
    expect(JSON.parse(mask(line))).toEqual({ before: 1, secret: "[hidden]", nested: '{"secret":"[hidden]"}' })
  }
})

it("hides more and more", () => {
  const { hide, mask } = createMasker()
  hide(["one-secret"])
  hide(["another-one"])
  expect(mask("one-secret another-one")).toBe("[hidden] [hidden]")
})

const names = Object.keys(encodings)
const anything = fc.string({ unit: "binary", minLength: 4, maxLength: 40 })
holds(
  "any text is found in every form, anywhere",
  fc.property(anything, fc.constantFrom(...names), fc.string(), fc.string(), (secret, name, before, after) => {
    // Lone surrogates are no text: no encoding carries them.
    if (/\p{Cs}/u.test(secret) || secret.trim().length < 4) return
    const { hide, mask } = createMasker()
    hide([secret])
    const encoded = encodings[name]?.(secret) ?? ""
    expect(mask(` ${before} (${encoded}) ${after}`)).toContain("[hidden]")
  }),
)
