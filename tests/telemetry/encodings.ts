/** Secrets that are hard to find, and the ways programs write them. */

/** As `encodeURIComponent`, and what it leaves alone besides. */
function strictly(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

function bytesAs(text: string, write: (hex: string) => string): string {
  return [...Buffer.from(text, "utf8")].map((byte) => write(byte.toString(16).padStart(2, "0"))).join("")
}

function unitsAs(text: string, write: (hex: string) => string): string {
  return Array.from({ length: text.length }, (_, index) =>
    write(text.charCodeAt(index).toString(16).padStart(4, "0")),
  ).join("")
}

function json(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function within(text: string, before: string): string {
  return Buffer.from(`${before}${text}~~`, "utf8").toString("base64")
}

function html(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }
  return text.replaceAll(/[&<>"']/g, (mark) => names[mark] ?? mark)
}

/** Each writes a secret in its own way; all of them are masked. */
export const encodings: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  "JSON-escaped": json,
  "JSON-escaped twice": (text) => json(json(text)),
  "JSON-escaped thrice": (text) => json(json(json(text))),
  "\\u escapes": (text) => unitsAs(text, (hex) => `\\u${hex}`),
  "\\u escapes in capitals": (text) => unitsAs(text, (hex) => `\\u${hex.toUpperCase()}`),
  "\\u escapes of what is not ASCII": (text) =>
    json(text).replaceAll(/[^\0-\x7f]/g, (unit) => unitsAs(unit, (hex) => `\\u${hex}`)),
  "\\x escapes": (text) => (/^[\0-\xff]*$/.test(text) ? unitsAs(text, (hex) => `\\x${hex.slice(2)}`) : json(text)),
  "percent-encoded": encodeURIComponent,
  "percent-encoded strictly": strictly,
  "percent-encoded whole": (text) => bytesAs(text, (hex) => `%${hex.toUpperCase()}`),
  "percent-encoded whole, small": (text) => bytesAs(text, (hex) => `%${hex}`),
  "percent-encoded twice": (text) => encodeURIComponent(encodeURIComponent(text)),
  "percent-encoded in JSON": (text) => json(encodeURIComponent(text)),
  "form-encoded": (text) => new URLSearchParams({ k: text }).toString().slice(2),
  hexadecimal: (text) => bytesAs(text, (hex) => hex),
  "hexadecimal in capitals": (text) => bytesAs(text, (hex) => hex.toUpperCase()),
  "hexadecimal in pairs": (text) => bytesAs(text, (hex) => ` ${hex}`).trim(),
  "a list of bytes": (text) => JSON.stringify(Buffer.from(text, "utf8").toJSON().data).slice(1, -1),
  base64: (text) => Buffer.from(text, "utf8").toString("base64"),
  base64url: (text) => Buffer.from(text, "utf8").toString("base64url"),
  "base64 after one byte": (text) => within(text, "x"),
  "base64 after two bytes": (text) => within(text, "xy"),
  "base64 after three bytes": (text) => within(text, "xyz"),
  "base64, percent-encoded": (text) => encodeURIComponent(Buffer.from(text, "utf8").toString("base64")),
  "HTML entities": html,
  "HTML entities, decimal": (text) => [...text].map((each) => `&#${each.codePointAt(0)};`).join(""),
  "HTML entities, hexadecimal": (text) => [...text].map((each) => `&#x${each.codePointAt(0)?.toString(16)};`).join(""),
  "HTML entities in JSON": (text) => json(html(text)),
}

/** What base64 of a secret is, whatever stands around it, without the characters that hold bits of something else. */
function cores(secret: string): string[] {
  return ["", "x", "xy"].map((before) => {
    const encoded = within(secret, before).replaceAll("=", "")
    const bytes = Buffer.byteLength(secret)
    const first = Math.ceil((before.length * 8) / 6)
    return encoded.slice(first, Math.floor(((before.length + bytes) * 8) / 6))
  })
}

/** Every text whose appearance would give the secret away. */
export function traces(secret: string): string[] {
  const whole = Object.entries(encodings)
    .filter(([name]) => !name.startsWith("base64"))
    .map(([, encode]) => encode(secret))
  const inBase64 = cores(secret).flatMap((core) => {
    return [core, core.replaceAll("+", "-").replaceAll("/", "_"), encodeURIComponent(core)]
  })
  return [...new Set([...whole, ...inBase64])]
}

const alphabets = [
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
  "abcdef0123456789",
  "aZ09 +/=&%\\\"'<>#?;:@!$()*,[]{}|^`~-_.",
  "äöüßéñçøÆЖ漢字🔑€",
]

/** The same every time; of every kind that a password, a token or a key is. */
export function seededSecrets(count: number, seed = 1): string[] {
  let state = seed
  const random = (below: number): number => {
    // A linear congruence: quality does not matter, being the same does.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return Array.from({ length: count }, (_, index) => {
    const letters = [...(alphabets[index % alphabets.length] ?? "")]
    const size = 12 + random(36)
    return Array.from({ length: size }, () => letters[random(letters.length)] ?? "").join("")
  })
}
