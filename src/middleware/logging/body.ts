/** What of params and results goes into a log: without what is secret by its name, and not more than is asked for. */
import { matchesAny } from "../../composition/glob.ts"
import type { JsonValue } from "../../protocol/json.ts"

/** Members that are called like this hold secrets, whatever case and separators they are written with. */
const secretNames = [
  ...["*password*", "*passwd*", "*passphrase*", "*secret*", "*token", "*authorization", "*cookie*", "*credential*"],
  ...["*apikey*", "*accesskey*", "*privatekey*", "*bearer*", "jwt", "otp", "pin"],
] as const
/** One that is called like it and holds none. */
const progressToken = "progresstoken"

export interface BodyOptions {
  /** Further globs over names of members. */
  readonly redact: readonly string[]
  readonly maxBytes: number
  /** Masks what is secret by its value. */
  readonly mask: (text: string) => string
}

/** The text of a value as it may be logged. */
export type ToBody = (value: JsonValue) => string

export function createToBody({ redact, maxBytes, mask }: BodyOptions): ToBody {
  const own = redact.map((glob) => glob.toLowerCase())
  const known = new Map<string, boolean>()
  const isSecret = (name: string): boolean => {
    const lower = name.toLowerCase()
    const plain = lower.replace(/[^a-z0-9]/g, "")
    return matchesAny(lower, own) || (plain !== progressToken && matchesAny(plain, secretNames))
  }
  const isKnownSecret = (name: string): boolean => {
    const memo = known.get(name)
    if (memo !== undefined) return memo
    const found = isSecret(name)
    if (known.size < mostNames) known.set(name, found)
    return found
  }
  const shown = (key: string, value: unknown): unknown => (key !== "" && isKnownSecret(key) ? "[hidden]" : value)
  // Masked before it is cut: half of a secret is one too.
  return (value) => cut(mask(JSON.stringify(value, shown)), maxBytes)
}

/** Names that are remembered: clients choose them. */
const mostNames = 1_000

function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  // The end may be half a character.
  const kept = bytes
    .subarray(0, maxBytes)
    .toString("utf8")
    .replace(/\ufffd$/, "")
  return `${kept}… (${bytes.length} bytes)`
}
