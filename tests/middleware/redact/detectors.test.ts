/** What the known patterns find, what they leave alone, and that no text makes them slow. */
import { describe, expect, it } from "vitest"
import { type DetectorName, detectorNames } from "../../../src/manifest/middleware/redact.ts"
import { createDetector } from "../../../src/middleware/redact/detectors.ts"
import { createOwnDetector, problemOf } from "../../../src/middleware/redact/ownPattern.ts"
import { expectLinear } from "../growth.ts"

const base64 = (text: string): string => Buffer.from(text).toString("base64url")
const jwt = `${base64('{"alg":"HS256"}')}.${base64('{"sub":"1234567890"}')}.${base64("signature of it")}`
const pem = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n${"MIIEpAIBAAKCAQEA\n".repeat(20)}-----END RSA PRIVATE KEY-----`

const found: [name: DetectorName, text: string, redacted: string][] = [
  ["email", "to ada.lovelace+x@mail.example.co.uk, now", "to X, now"],
  ["email", "<a@b.io>;c_d@e-f.org.", "<X>;X."],
  ["creditCard", "card 4111 1111 1111 1111 and 5500-0000-0000-0004", "card X and X"],
  ["creditCard", "amex 378282246310005, 3782 822463 10005", "amex X, X"],
  ["creditCard", "6011111111111117|3566002020360505", "X|X"],
  ["iban", "DE89 3704 0044 0532 0130 00 or GB82WEST12345698765432", "X or X"],
  ["iban", "NL91ABNA0417164300 FR1420041010050500013M02606", "X X"],
  ["ssn", "ssn 123-45-6789.", "ssn X."],
  ["jwt", `token=${jwt};`, "token=X;"],
  ["bearer", "Authorization: Bearer abcdef0123456789abcdef==", "Authorization: Bearer X"],
  ["bearer", "authorization: basic dXNlcjpwYXNzd29yZDEyMw==", "authorization: basic X"],
  ["awsKey", "AKIAIOSFODNN7EXAMPLE x", "X x"],
  ["awsKey", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = X"],
  ["awsKey", '"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"', '"SecretAccessKey": "X"'],
  ["privateKey", `key:\n${pem}\nend`, "key:\nX\nend"],
  ["privateKey", `cut off: ${pem.slice(0, 200)}`, "cut off: X"],
  ["privateKey", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "X"],
  ["privateKey", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----", "X"],
  ["apiToken", `ghp_${"a1B2".repeat(9)} and github_pat_${"A1b2c3".repeat(6)}`, "X and X"],
  ["apiToken", `glpat-${"x".repeat(20)} xoxb-1234567890-abcdef sk-ant-api03-${"k".repeat(30)}`, "X X X"],
  ["apiToken", `AIza${"S".repeat(35)} sk_live_${"4".repeat(24)} npm_${"n".repeat(36)} hf_${"h".repeat(34)}`, "X X X X"],
]

const left: [name: DetectorName, text: string][] = [
  ["email", "@decorator, user@localhost, a @ b.com, 3@4.5"],
  ["creditCard", "4111 1111 1111 1112, 1234567890123456, 1764512345678, 3.1415926535897932384, 0000000000000000"],
  ["creditCard", "id 123411111111111111111111111111"],
  ["iban", "DE89 3704 0044 0532 0130 01, AB12CDEF34567890, README2024FINALVERSION"],
  ["ssn", "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000 2123-45-6789 123-45-67890 2024-11-30"],
  ["jwt", "eyJ is how they begin; eyJhbGciOi.x"],
  ["bearer", "a bearer of news, the basic idea, Bearer short"],
  ["awsKey", `akiaiosfodnn7example ${"a".repeat(40)}`],
  ["privateKey", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY----- PRIVATE KEY"],
  ["apiToken", "task-sk-short ghp_tooshort disk-space-is-low-on-this-machine npm_install"],
]

it.each(found)("%s finds %j", (name, text, redacted) => {
  expect(createDetector(name).replace(text, () => "X")).toBe(redacted)
})

it.each(left)("%s leaves %j", (name, text) => {
  expect(createDetector(name).replace(text, () => "X")).toBe(text)
})

const hostile = [
  ...[
    "a",
    "a.",
    "a@",
    "a@a.",
    "a@a-",
    "1",
    "1 ",
    "1-",
    "4111 ",
    "DE89",
    "DE89 ",
    "A",
    "AKIA",
    "eyJ",
    "eyJ-",
    "eyJaaaaa.",
    "eyJa-",
  ],
  ...["bearer ", "basic\t", "secret_access_key=", "secretaccesskey ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN "],
  ...["-", "-----", "ghp_", "xoxb-", "sk-", "glpat-", "123-45-", "\n", "é"],
]

describe("no text makes them slow", () => {
  it.each(detectorNames.map((name) => [name]))(
    "%s",
    (name) => {
      const { replace } = createDetector(name)
      for (const part of hostile) expectLinear(part, (text) => replace(text, () => "X"))
    },
    60_000,
  )

  it("nor patterns of a manifest's", () => {
    for (const pattern of ["(a+)+b", "(a|aa)+$", "([a-z]+)*\\d", "(.*)*x", "(a?){20}a{20}"]) {
      const { replace } = createOwnDetector("own", pattern)
      expectLinear("a", (text) => replace(text, () => "X"))
    }
  }, 60_000)
})

describe("patterns of a manifest's", () => {
  it("replace what they find", () => {
    expect(createOwnDetector("own", "(?i)tck-(\\d{3})").replace("TCK-123, tck-456!", (each) => `<${each}>`)).toBe(
      "<TCK-123>, <tck-456>!",
    )
    expect(createOwnDetector("own", "straße|😀+").replace("Hauptstraße 😀😀", () => "$1")).toBe("Haupt$1 $1")
  })

  it.each([
    ["(?=a)b", /no look-around/],
    ["(a)\\1", /invalid escape sequence/],
    ["[a", /missing closing/],
    ["a*", /finds empty text/],
  ])("%s is refused", (pattern, problem) => {
    expect(problemOf(pattern)).toMatch(problem)
  })

  it("that are fine have no problem", () => {
    expect(problemOf("TCK-\\d{6}")).toBeUndefined()
  })
})
