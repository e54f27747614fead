/** Converts a remote server: its URL, transport and headers. */
import type { JsonObject } from "../protocol/json.ts"
import type { EntryReader } from "./entryReader.ts"
import { forbiddenKeys, isName, usualText } from "./names.ts"
import { type TextScope, toNamed, toText } from "./texts.ts"
import type { TargetDraft } from "./types.ts"

type Transport = "auto" | "http" | "sse"

export interface Header {
  readonly name: string
  /** In the notation of the client. */
  readonly value: string
  /** A variable whose value follows, where the client names it without any notation. */
  readonly variable?: string
}

/** The server behind `url`, or whatever a client calls it; inactive when there is none. */
export function toRemote(reader: EntryReader, scope: TextScope): TargetDraft {
  const http = reader.text("httpUrl")
  const plain = reader.text("url") ?? reader.text("serverUrl") ?? reader.text("uri")
  const url = http ?? plain
  const headers = readHeaders(reader, scope)
  if (url === undefined) return { value: {}, inactive: "it has neither a command nor a URL" }
  if (http !== undefined && plain !== undefined) scope.note("url was left out: httpUrl wins over it")
  const type = reader.take("type") ?? reader.take("transport")
  if (typeof type === "string" && /^(ws|wss|websocket)$/i.test(type))
    return { value: { mount: { url: toText(url, scope) } }, inactive: "mcp-host has no WebSocket transport" }
  return mountUrl(url, { transport: http === undefined ? transportOf(type, scope) : "http", headers }, scope)
}

function transportOf(type: unknown, { dialect }: TextScope): Transport {
  if (type === "sse") return "sse"
  // Without a type, `url` is of the older transport to Gemini CLI; VS Code falls back to it, as `auto` does.
  if (type === undefined) return dialect.client === "gemini" ? "sse" : "auto"
  return typeof type === "string" && /http/i.test(type) && dialect.client !== "vscode" ? "http" : "auto"
}

export interface RemoteFacts {
  readonly transport: Transport
  readonly headers: readonly Header[]
}

/** A mount of a URL. The manifest takes no credentials in it, so they become a header. */
export function mountUrl(given: string, { transport, headers }: RemoteFacts, scope: TextScope): TargetDraft {
  const { url, login } = withoutLogin(given)
  const sent = [...headers]
  const hasLogin = sent.some(({ name }) => name.toLowerCase() === "authorization")
  if (login !== undefined && !hasLogin) {
    sent.push({ name: "Authorization", value: `Basic ${Buffer.from(login).toString("base64")}` })
    scope.note("the user name and password of the URL became a header; its variable is the base64 of user:password")
  } else if (login !== undefined) scope.note("the user name and password of the URL were left out")
  const text = toText(url, scope)
  const mount: JsonObject = { url: text, ...(transport !== "auto" && { transport }), ...toHeaders(sent, scope) }
  return { value: { mount }, ...(!isUrl(url, text) && { inactive: "its URL is not of http or https" }) }
}

/** Whether it is one, as far as it can be told before its variables are set. */
function isUrl(given: string, text: string): boolean {
  const usual = usualText(text)
  if (usual.beginsOpen) return given.startsWith("$") || given.startsWith("{")
  const filled = usual.isOpen ? usual.text.replace(/\$\{[^}]*\}/g, "1") : usual.text
  return /^https?:\/\//i.test(filled) && URL.canParse(filled)
}

function withoutLogin(given: string): { url: string; login?: string } {
  if (!URL.canParse(given)) return { url: given }
  const { username, password } = new URL(given)
  if (username === "" && password === "") return { url: given }
  const login = [username, password].map(decoded).join(":")
  return { url: given.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, "$1"), login }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Codex has four places for what others put into `headers`. */
function readHeaders(reader: EntryReader, scope: TextScope): Header[] {
  const headers: Header[] = [...Object.entries(reader.texts("headers", "http_headers"))].map(([name, value]) => ({
    name,
    value,
  }))
  const refer = (name: string, value: string, variable: string): void => {
    scope.variables.refer(variable, scope.from)
    headers.push({ name, value, variable })
  }
  for (const [name, variable] of Object.entries(reader.texts("env_http_headers"))) {
    if (isName(variable)) refer(name, "", variable)
    else scope.note("a header of env_http_headers was left out: it names no variable")
  }
  const variable = reader.text("bearer_token_env_var")
  if (variable !== undefined && isName(variable)) refer("Authorization", "Bearer ", variable)
  const token = reader.text("bearer_token")
  if (token !== undefined) headers.push({ name: "Authorization", value: `Bearer ${token}` })
  return headers
}

function toHeaders(headers: readonly Header[], scope: TextScope): { headers?: JsonObject } {
  const kept = headers.flatMap(({ name, value, variable }): [string, string][] => {
    const called = { name: /^bearer\s/i.test(value) ? "token" : name, isTelling: false }
    const text = variable === undefined ? toNamed(name, value, scope, called) : `${value}\${${variable}}`
    const isAllowed = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && !forbiddenKeys.has(name)
    if (isAllowed && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return [[name, text]]
    scope.note("a header was left out: its name or value is one that HTTP cannot carry")
    return []
  })
  return kept.length === 0 ? {} : { headers: Object.fromEntries(kept) }
}
