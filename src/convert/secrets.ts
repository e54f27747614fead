/** Tells what in a client's configuration is a secret, by its name and by its looks. Rather once too often: a variable too many does no harm. */

const secretWords = new Set(
  "token secret password passwd passphrase pwd pass apikey credential credentials pat bearer jwt authorization cookie".split(
    " ",
  ),
)

/** What a name ends in that tells of a secret without holding it: TOKEN_URL, KEY_FILE, MAX_TOKEN_COUNT. */
const openEnds = new Set(
  "path file dir folder url uri endpoint host name id type header limit count size length ttl expiry timeout enabled".split(
    " ",
  ),
)

/** `GITHUB_TOKEN`, `--api-key`, `X-Api-Key`, `dbPassword`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "")
  const last = words.at(-1) ?? ""
  if (openEnds.has(last)) return false
  return last === "key" || last === "auth" || words.some((word) => secretWords.has(word))
}

/** Values that say nothing: switches and small numbers. */
export function isPlainValue(value: string): boolean {
  return value === "" || /^(true|false|yes|no|on|off|null|none|\d{1,6})$/i.test(value)
}

/** How tokens of well-known services begin. */
const tokenStart =
  /^((sk|pk|rk|ak)[-_][A-Za-z0-9]|gh[oprsu]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|AKIA|ASIA|AIza|ya29\.|npm_|pypi-|hf_|ntn_|secret_|lin_api_|figd_|tvly-|pplx-|gsk_|dop_v1_|shp(at|ss|ca|pa)_|SG\.|dckr_pat_|ATATT|sbp_|fc-[0-9a-f]{16}|eyJ[\w-]{8,}\.)/

const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A value that looks like a token wherever it stands. */
export function isSecretValue(value: string): boolean {
  if (privateKey.test(value)) return true
  if (/\s/.test(value) || value.length < 12) return false
  if (tokenStart.test(value)) return true
  if (uuid.test(value)) return false
  if (/^[0-9a-f]{32,}$/i.test(value)) return true
  const isMixed = /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value)
  return value.length >= 24 && isMixed && /^[\w+=-]+$/.test(value) && entropy(value) >= 3.7
}

/** Shannon entropy in bits for each character. */
function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0)
}

/** A text cut where a secret is. */
export interface SecretPart {
  readonly before: string
  readonly secret: string
  readonly after: string
  /** What the text itself calls it: `api_key` of a query, `token` of a bearer token. */
  readonly name: string
}

/**
 * The first secret in a longer text: the credentials of a URL, a query parameter, `--flag=value`, `NAME=value`,
 * `Name: Bearer x`, or something within that looks like a token.
 */
export function findSecret(text: string): SecretPart | undefined {
  const user = /^([a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:)([^/\s@]+)@/i.exec(text)
  if (user !== null) return cut(text, (user[1] ?? "").length, user[2] ?? "", "password")
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  const assigned = isUrl
    ? null
    : /^(-{0,2}([A-Za-z][\w.-]*)(?:=|:\s*)(?:(?:Bearer|Basic|Token)\s+)?)(\S.*)$/s.exec(text)
  if (assigned !== null) {
    const [, before = "", name = "", value = ""] = assigned
    if ((isSecretName(name) && !isPlainValue(value)) || isSecretValue(value))
      return cut(text, before.length, value, name)
  }
  for (const match of text.matchAll(/[?&]([\w.-]+)=([^&#\s]+)/g)) {
    const [all, name = "", value = ""] = match
    const start = match.index + all.length - value.length
    if (isSecretValue(value) || (isSecretName(name) && !isPlainValue(value))) return cut(text, start, value, name)
  }
  const scheme = /\b(?:Bearer|Basic)\s+([\w.+/=~-]{6,})/i.exec(text)
  if (scheme !== null)
    return cut(text, scheme.index + scheme[0].length - (scheme[1] ?? "").length, scheme[1] ?? "", "token")
  if (isSecretValue(text)) return cut(text, 0, text, "secret")
  for (const { 0: word, index } of text.matchAll(/[\w.-]{12,}/g))
    if (tokenStart.test(word)) return cut(text, index, word, "secret")
  return undefined
}

function cut(text: string, start: number, secret: string, name: string): SecretPart {
  return { before: text.slice(0, start), secret, after: text.slice(start + secret.length), name }
}
