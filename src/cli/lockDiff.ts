/** What is different between the lock and the servers, and how a terminal shows it. */
import { isDeepStrictEqual } from "node:util"
import { changesIn, removalsIn } from "../composition/lock.ts"
import type { LockChange, LockedServer } from "../composition/types.ts"
import { isJsonObject, type JsonObject, type JsonValue } from "../protocol/json.ts"
import { kindNames } from "./kinds.ts"
import type { Colors } from "./terminal.ts"

export interface ServerDiff {
  readonly server: string
  /** Undefined when the server was never locked. */
  readonly before: LockedServer | undefined
  /** Undefined when the manifest does not have the server any more. */
  readonly after: LockedServer | undefined
  readonly changes: readonly LockChange[]
}

export function diffOf(server: string, before: LockedServer | undefined, after: LockedServer | undefined): ServerDiff {
  const changes = [
    ...(after === undefined ? [] : changesIn(after.components, before)),
    ...(before === undefined || after === undefined ? [] : removalsIn(after.components, before)),
  ]
  return { server, before, after, changes }
}

/** Whether it is a change to accept or not. Another version of a server that offers the same is none. */
export function isChanged({ before, after, changes }: ServerDiff): boolean {
  return changes.length > 0 || before === undefined || after === undefined || before.instructions !== after.instructions
}

export function diffJson({ server, before, after, changes }: ServerDiff): JsonObject {
  const pair = (member: "version" | "instructions"): JsonObject =>
    before?.[member] === after?.[member]
      ? {}
      : { [member]: { before: before?.[member] ?? null, after: after?.[member] ?? null } }
  return {
    server,
    ...pair("version"),
    ...pair("instructions"),
    changes: changes.map((change) => ({
      kind: kindNames[change.kind].one,
      key: change.key,
      change: wordOf(change),
      before: change.before ?? null,
      after: change.after ?? null,
    })),
  }
}

export function diffText(diff: ServerDiff, colors: Colors): string {
  const { server, before, after, changes } = diff
  const versions =
    before !== undefined && before.version !== after?.version
      ? `  ${before.version ?? "no version"} → ${after?.version ?? "no version"}`
      : ""
  const fate = after === undefined ? "  not in the manifest any more" : before === undefined ? "  not locked yet" : ""
  const lines = [`${colors.bold(visible(server))}${visible(versions)}${fate}`]
  const one = { colors, lines }
  if (before !== undefined && after !== undefined && before.instructions !== after.instructions) {
    lines.push("  changed  instructions")
    compare("", before.instructions, after.instructions, one)
  }
  for (const change of changes) {
    lines.push(`  ${wordOf(change).padEnd(7)}  ${kindNames[change.kind].one} ${visible(change.key)}`)
    // Of a server that is new as a whole the names say enough.
    if (before !== undefined) compare("", change.before, change.after, one)
  }
  return lines.join("\n")
}

function wordOf({ before, after }: LockChange): "new" | "changed" | "removed" {
  if (before === undefined) return "new"
  return after === undefined ? "removed" : "changed"
}

interface Output {
  readonly colors: Colors
  readonly lines: string[]
}

/** Writes the smallest members that differ, each under its path. */
function compare(path: string, before: JsonValue | undefined, after: JsonValue | undefined, output: Output): void {
  if (isDeepStrictEqual(before, after)) return
  if (isJsonObject(before) && isJsonObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort())
      compare(path === "" ? key : `${path}.${key}`, before[key], after[key], output)
    return
  }
  const { colors, lines } = output
  if (path !== "") lines.push(`    ${visible(path)}`)
  const [old, now] = [linesOf(before), linesOf(after)]
  for (const line of old.filter((each) => !now.includes(each))) lines.push(colors.red(`    - ${line}`))
  for (const line of now.filter((each) => !old.includes(each))) lines.push(colors.green(`    + ${line}`))
  // The same lines in another order, or another number of times.
  if (old.every((each) => now.includes(each)) && now.every((each) => old.includes(each)))
    lines.push(...old.map((each) => colors.red(`    - ${each}`)), ...now.map((each) => colors.green(`    + ${each}`)))
}

function linesOf(value: JsonValue | undefined): string[] {
  if (value === undefined) return []
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 1)
  return text.split("\n").map(visible)
}

/** With what a terminal would hide, or obey, written as its code. */
function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
