/**
 * Finds what a text holds and a person does not see: Unicode that hides or reorders, escapes of terminals, control
 * characters. What writing needs is none of it: joiners inside words and emoji, variation selectors after what varies,
 * marks of direction beside right-to-left letters. Takes time in proportion to the text.
 */

export const hiddenKinds = ["tags", "bidi", "zeroWidth", "variation", "invisible", "ansi", "control"] as const

export type HiddenKind = (typeof hiddenKinds)[number]

export interface Hidden {
  readonly kinds: ReadonlySet<HiddenKind>
  /** The text without it. */
  readonly stripped: string
}

/** What may be hidden: escapes of terminals whole, controls, and characters without a look of their own. */
const ansi = [
  "\\u001b\\[[0-?]{0,64}[ -/]{0,8}[@-~]", // CSI: colours, the cursor (ECMA-48)
  "\\u001b\\][^\\u0007\\u001b]{0,4096}(?:\\u0007|\\u001b\\\\)?", // OSC: titles, links
  "\\u001b[PX^_][^\\u001b]{0,4096}(?:\\u001b\\\\)?", // DCS, SOS, PM, APC
  "\\u001b[ -/]{0,4}[0-~]?",
  "\\u009b[0-?]{0,64}[ -/]{0,8}[@-~]",
].join("|")
const controls = "[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u0084\\u0086-\\u009f]"
const invisible = [
  "[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f",
  "\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\\u{1d173}-\\u{1d17a}\\u{e0100}-\\u{e01ef}]",
].join("")
const tags = "[\\u{e0000}-\\u{e00ff}\\u{e01f0}-\\u{e0fff}]+"

const suspect = new RegExp([ansi, controls, invisible, tags].join("|"), "gu")
/** Without a position of its own: to ask only whether there is anything. */
const anySuspect = new RegExp([controls, invisible, tags].join("|"), "u")

/** Undefined when there is nothing hidden. */
export function findHidden(text: string): Hidden | undefined {
  if (!anySuspect.test(text)) return undefined
  const kinds = new Set<HiddenKind>()
  const stripped = text.replace(suspect, (found, at: number) => {
    const kind = kindOf(found, {
      before: text.slice(Math.max(0, at - 2), at),
      after: text.slice(at + found.length, at + found.length + 2),
      text,
      at,
    })
    if (kind === undefined) return found
    kinds.add(kind)
    return ""
  })
  return kinds.size === 0 ? undefined : { kinds, stripped }
}

/** For a terminal or a log: without what is hidden, and not too long. */
export function visibleText(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return findHidden(short)?.stripped ?? short
}

/** Whether anything in the text, which may be JSON as it is on the wire, could be hidden. */
export function maybeHidden(json: string): boolean {
  // Controls are escaped in JSON; \b and \f are two of them.
  return /\\[ubf]/.test(json) || anySuspect.test(json)
}

interface Around {
  readonly before: string
  readonly after: string
  readonly text: string
  readonly at: number
}

function kindOf(found: string, around: Around): HiddenKind | undefined {
  const code = found.codePointAt(0) ?? 0
  if (code === 0x1b || (code === 0x9b && found.length > 1)) return "ansi"
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return "control"
  if (code >= 0xe0100 && code <= 0xe01ef) return isIdeograph.test(lastOf(around.before)) ? undefined : "variation"
  if (code >= 0xe0000) return isFlag(found, around) ? undefined : "tags"
  if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) return "bidi"
  if (code === 0x200e || code === 0x200f || code === 0x61c) return hasRightToLeft.test(around.text) ? undefined : "bidi"
  if (code >= 0xfe00 && code <= 0xfe0f) return varies(code, lastOf(around.before)) ? undefined : "variation"
  if (code === 0x200c || code === 0x200d) return joins(code, around) ? undefined : "zeroWidth"
  if (code === 0x200b) return breaksWords.test(lastOf(around.before)) ? undefined : "zeroWidth"
  // At the beginning of a file it says how it is encoded.
  if (code === 0xfeff) return around.at === 0 ? undefined : "zeroWidth"
  if (code === 0x2060) return "zeroWidth"
  return isWritten(code, around) ? undefined : "invisible"
}

const hasRightToLeft =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u
const isIdeograph = /^\p{Script=Han}$/u
const breaksWords =
  /^[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\p{Script=Javanese}\p{Script=Balinese}]$/u
const isEmoji = /^(?:\p{Emoji}|\ufe0f|\u20e3)$/u
const isPictograph = /^\p{Extended_Pictographic}$/u
/** Scripts whose letters join, or form clusters. */
const joining = new RegExp(
  `^[${[
    ...["Arabic", "Syriac", "Mongolian", "Nko", "Mandaic", "Adlam", "Devanagari", "Bengali", "Gurmukhi", "Gujarati"],
    ...["Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan", "Balinese"],
    ...["Javanese", "Thai", "Lao"],
  ]
    .map((script) => `\\p{Script_Extensions=${script}}`)
    .join("")}]$`,
  "u",
)
const takesVariants = /^[\p{Script=Han}\p{Sm}\p{Po}\p{Script=Myanmar}\p{Script=Phags_Pa}\p{Script=Manichaean}0]$/u
const isLetter = /^\p{L}$/u

function varies(code: number, before: string): boolean {
  // Text or emoji.
  if (code >= 0xfe0e) return /^[\p{Emoji}\p{So}\p{Sm}]$/u.test(before)
  return takesVariants.test(before)
}

function joins(code: number, { before, after }: Around): boolean {
  const [last, next] = [lastOf(before), firstOf(after)]
  if (code === 0x200d && isEmoji.test(last) && isPictograph.test(next)) return true
  return joining.test(last) && last !== "\u200c" && last !== "\u200d"
}

/** Soft hyphens between letters, and fillers of Korean and Mongolian where these are written. */
function isWritten(code: number, { before, after }: Around): boolean {
  const [last, next] = [lastOf(before), firstOf(after)]
  if (code === 0xad) return isLetter.test(last) && isLetter.test(next)
  if (code >= 0x180b && code <= 0x180f) return /^\p{Script=Mongolian}$/u.test(last)
  if (code === 0x115f || code === 0x1160) return /^[\u1100-\u11ff]$/u.test(code === 0x115f ? next : last)
  return false
}

/** England, Scotland and Wales: the flags that are written with tags (Unicode Technical Standard 51). */
function isFlag(found: string, { before }: Around): boolean {
  const letters = [...found].map((each) => String.fromCharCode((each.codePointAt(0) ?? 0) - 0xe0000)).join("")
  return lastOf(before) === "\u{1f3f4}" && ["gbeng\x7f", "gbsct\x7f", "gbwls\x7f"].includes(letters)
}

function lastOf(text: string): string {
  return [...text].at(-1) ?? ""
}

function firstOf(text: string): string {
  return [...text][0] ?? ""
}
