/**
 * The patterns that `redact` knows by name. Each takes time in proportion to the text, whatever the text: what repeats is
 * bounded, or ends at a character that cannot begin another match. Tests keep it so.
 */
import type { DetectorName } from "../../manifest/middleware/redact.ts"

export interface Detector {
  readonly name: string
  /** The text with what it finds replaced by what `replace` gives. */
  replace(text: string, replace: (found: string) => string): string
}

interface Known {
  readonly pattern: RegExp
  /** One of these is in every match: looking for a text takes less than looking for a pattern. */
  readonly hints?: readonly string[] | RegExp
  /** Whether a match is one: a check sum fits, say. */
  readonly accept?: (found: string) => boolean
}

/** Tokens of services whose form is known: GitHub, GitLab, Slack, OpenAI and Anthropic, Google, Stripe, npm, Hugging Face. */
const apiTokens = [
  "gh[pousr]_[A-Za-z0-9]{36,255}",
  "github_pat_[A-Za-z0-9_]{22,255}",
  "glpat-[\\w-]{20,64}",
  "xox[abeoprs]-[A-Za-z0-9-]{10,250}",
  "sk-[A-Za-z0-9_-]{20,200}",
  "AIza[\\w-]{35}",
  "[rs]k_(?:live|test)_[A-Za-z0-9]{10,200}",
  "npm_[A-Za-z0-9]{36}",
  "hf_[A-Za-z0-9]{30,64}",
].join("|")

const known: Readonly<Record<DetectorName, Known>> = {
  email: {
    hints: ["@"],
    pattern:
      /(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])/g,
  },
  creditCard: {
    pattern: /(?<![\d.])(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5}|\d{13,19})(?![\d.]?\d)/g,
    accept: isCardNumber,
  },
  iban: {
    pattern: /(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Z0-9])/g,
    accept: isIban,
  },
  ssn: { hints: ["-"], pattern: /(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/g },
  jwt: { hints: ["eyJ"], pattern: /(?<![\w-])eyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*/g },
  bearer: {
    hints: /bearer|basic/i,
    pattern: /(?<=\b(?:bearer|basic)[ \t]{1,4})[A-Za-z0-9._~+/-]{16,}={0,2}/gi,
  },
  awsKey: {
    hints: /AKIA|ASIA|ABIA|ACCA|access_?key/i,
    pattern:
      /(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Z0-9])|(?<=secret_?access_?key["']?\s{0,4}[=:]\s{0,4}["']?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/gi,
    accept: (found) => found.length === 40 || found === found.toUpperCase(),
  },
  privateKey: {
    hints: ["-----BEGIN "],
    pattern:
      /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){0,16384}(?:-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  apiToken: {
    hints: [
      ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "sk-", "AIza"],
      ...["k_live_", "k_test_", "npm_", "hf_"],
    ],
    pattern: new RegExp(`(?<![A-Za-z0-9_-])(?:${apiTokens})`, "g"),
  },
}

export function createDetector(name: DetectorName): Detector {
  const { pattern, hints, accept } = known[name]
  return {
    name,
    replace(text, replace) {
      if (hints !== undefined && !holds(text, hints)) return text
      return text.replace(pattern, (found) => (accept === undefined || accept(found) ? replace(found) : found))
    },
  }
}

function holds(text: string, hints: readonly string[] | RegExp): boolean {
  return hints instanceof RegExp ? hints.test(text) : hints.some((hint) => text.includes(hint))
}

/** ISO/IEC 7812: the last digit is a check digit (Luhn). Numbers that no card has do not begin so. */
export function isCardNumber(text: string): boolean {
  const digits = [...text].filter((each) => each >= "0" && each <= "9").map(Number)
  if (digits.length < 13 || digits.length > 19 || !/^[2-6]|^1800|^8/.test(digits.join(""))) return false
  const sum = digits.reverse().reduce((total, digit, at) => {
    const doubled = at % 2 === 0 ? digit : digit * 2
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return sum % 10 === 0
}

/** ISO 13616: of letters as numbers, with the first four characters at the end, 1 is left modulo 97. */
export function isIban(text: string): boolean {
  const compact = text.replaceAll(" ", "")
  if (compact.length < 15 || compact.length > 34) return false
  const moved = compact.slice(4) + compact.slice(0, 4)
  let rest = 0
  for (const each of moved) {
    const value = each <= "9" ? each : String(each.charCodeAt(0) - 55)
    rest = Number(`${rest}${value}`) % 97
  }
  return rest === 1
}
