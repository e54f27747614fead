/** What a server says while it works, on standard error. */
import { stringAt } from "../protocol/json.ts"
import type { McpNotification } from "../protocol/messages.ts"
import { onOneLine } from "./table.ts"
import { colorsFor, printNote } from "./terminal.ts"

export function printProgress({ method, params }: McpNotification): void {
  const text = lineOf(method, params)
  if (text !== undefined) printNote(colorsFor(process.stderr).dim(onOneLine(text)))
}

function lineOf(method: string, params: McpNotification["params"]): string | undefined {
  if (method === "notifications/progress") {
    const { progress, total } = params
    const share = total === undefined ? String(progress) : `${String(progress)}/${String(total)}`
    return `progress ${share} ${stringAt(params, "message") ?? ""}`
  }
  if (method !== "notifications/message") return undefined
  const { data } = params
  const logger = stringAt(params, "logger")
  const text = typeof data === "string" ? data : JSON.stringify(data)
  return `${stringAt(params, "level") ?? "info"} ${logger === undefined ? "" : `${logger}: `}${text}`
}
