/** Components and servers as `list` shows them: JSON of a fixed shape, and tables. */
import { basename } from "node:path"
import type { Component } from "../composition/types.ts"
import type { ServerReport } from "../host/inspect.ts"
import type { ServerEntry } from "../manifest/types.ts"
import { type JsonObject, stringAt } from "../protocol/json.ts"
import { type Kind, kindWords } from "../protocol/methods.ts"
import { masked } from "./failure.ts"
import { renderTable, type TableOptions } from "./table.ts"

/** Members of a payload that a list shows, where they are given. */
const shownMembers: Readonly<Record<Kind, readonly string[]>> = {
  tool: ["title", "description"],
  resource: ["name", "title", "description", "mimeType", "size"],
  resourceTemplate: ["name", "title", "description", "mimeType"],
  prompt: ["title", "description", "arguments"],
}

/** A component of a host in this process; `origin` is its server by path, and what that calls it. */
export function componentRow({ kind, key, payload, tags }: Component, origin: JsonObject): JsonObject {
  return {
    [kindWords[kind].id]: key,
    ...origin,
    ...shown(kind, payload),
    tags: [...tags],
  }
}

/** A component of a running endpoint, which does not tell whose it is. */
export function payloadRow(kind: Kind, payload: JsonObject): JsonObject {
  const { id } = kindWords[kind]
  return { [id]: stringAt(payload, id) ?? "", ...shown(kind, payload) }
}

function shown(kind: Kind, payload: JsonObject): JsonObject {
  return Object.fromEntries(
    shownMembers[kind].flatMap((member) => {
      const value = payload[member]
      return value === undefined ? [] : [[member, value]]
    }),
  )
}

/** Lines of a server's standard error that are shown. */
const shownErrorLines = 10

export function serverRow({ entry, era, state, since, reason, counts, changes, pid }: ServerReport): JsonObject {
  return {
    name: entry.key,
    kind: entry.mode,
    transport: transportOf(entry),
    era: era ?? null,
    state,
    since,
    ...(reason !== undefined && { reason: masked(reason) }),
    counts: { ...counts },
    ...(changes.length > 0 && { changed: changes.length }),
    ...(pid !== undefined && { pid }),
  }
}

/** The last of what a server that is not ready wrote to its standard error. */
export function stderrMember({ state }: ServerReport, errorOutput: string | undefined): JsonObject {
  const text = state === "ready" ? "" : (errorOutput ?? "").trimEnd()
  return text === "" ? {} : { stderr: masked(text.split("\n").slice(-shownErrorLines).join("\n")) }
}

export function transportOf({ target }: ServerEntry): "in-process" | "stdio" | "http" | "sse" | "manifest" {
  if (target.kind === "package") return "in-process"
  if (target.kind === "stdio" || target.kind === "manifest") return target.kind
  return target.transport === "sse" ? "sse" : "http"
}

export function componentTable(kind: Kind, rows: readonly JsonObject[], options: TableOptions): string {
  const { id } = kindWords[kind]
  const withServer = rows.some((row) => "server" in row)
  const header = [id === "name" ? "NAME" : "URI", ...(withServer ? ["SERVER"] : []), "DESCRIPTION"]
  const cells = rows.map((row) => [
    stringAt(row, id) ?? "",
    ...(withServer ? [stringAt(row, "server") ?? ""] : []),
    descriptionOf(row, id),
  ])
  return renderTable(header, cells, options)
}

/** The first line of what the component says of itself. */
function descriptionOf(row: JsonObject, id: string): string {
  const name = id === "name" ? undefined : stringAt(row, "name")
  const text = stringAt(row, "description") ?? stringAt(row, "title") ?? name ?? ""
  return text.trim().split("\n")[0] ?? ""
}

const counted = ["tools", "resources", "templates", "prompts"] as const

export function serverTable(rows: readonly JsonObject[], options: TableOptions): string {
  const known = (["kind", "transport", "era"] as const).filter((member) => rows.some((row) => member in row))
  const lock = rows.some((row) => "changed" in row) ? ["changed"] : []
  const header = ["SERVER", ...known, "state", ...counted, ...lock, "reason"].map((word) => word.toUpperCase())
  const cells = rows.map((row) => {
    const counts = (row["counts"] ?? {}) as JsonObject
    return [
      stringAt(row, "name") ?? "",
      ...known.map((member) => stringAt(row, member) ?? "-"),
      stringAt(row, "state") ?? "",
      ...counted.map((member) => String(counts[member] ?? 0)),
      ...lock.map((member) => String(row[member] ?? 0)),
      stringAt(row, "reason") ?? "",
    ]
  })
  return renderTable(header, cells, options)
}

/** What goes below the table of servers. */
export function serverErrors(rows: readonly JsonObject[]): string[] {
  return rows.flatMap((row) => {
    const lines = stringAt(row, "stderr")
    if (lines === undefined) return []
    return [`Last words of ${stringAt(row, "name")} on its standard error:\n${lines.replace(/^/gm, "  ")}`]
  })
}

/** What clients do not get, with the line of the manifest that says so. */
export function hiddenTable(rows: readonly JsonObject[], options: TableOptions): string {
  const cells = rows.map((row) => [
    ...["kind", "original", "server"].map((member) => stringAt(row, member) ?? ""),
    `${basename(stringAt(row, "file") ?? "")}:${row["line"]}`,
    `${stringAt(row, "rule") ?? ""}: ${stringAt(row, "reason") ?? ""}`,
  ])
  return renderTable(["KIND", "ORIGINAL", "SERVER", "LINE", "WHY"], cells, options)
}
