/**
 * Puts an editor of texts around requests and notifications, in the directions it is meant for. Used by `redact` and
 * `sanitize`. Results that are still bytes are parsed only where the editor may have something to do.
 */
import { deriveContext } from "../../protocol/deriveContext.ts"
import { ProtocolError } from "../../protocol/errors.ts"
import type { JsonObject, JsonValue } from "../../protocol/json.ts"
import type { Context, McpRequest, McpResult } from "../../protocol/messages.ts"
import { kinds, kindWords } from "../../protocol/methods.ts"
import type { Pieces } from "../../protocol/pieces.ts"
import type { Middleware } from "../types.ts"

/** Towards servers: `arguments`, which answers to questions are too. Towards clients: the others. */
export type Direction = "arguments" | "results" | "notifications" | "questions"

/** What is edited, for those who tell of it. */
export interface Place {
  readonly direction: Direction
  /** Of the request or notification. */
  readonly method: string
  /** What the request names; of a notification, nothing. */
  readonly params: JsonObject
  /** Manifest key of the server, where only the notification knows it. */
  readonly server?: string | undefined
}

export interface TextEditor {
  /** False when a result in bytes has surely nothing to change. */
  concerns(bytes: Pieces): boolean
  /** A payload of the protocol, changed; the same object when there is nothing to change. */
  payload<T extends JsonObject>(value: T, place: Place): T
  /** The same of free data. */
  data<T extends JsonValue>(value: T, place: Place): T
}

type Hooks = Required<Pick<Middleware, "request" | "notification">>

/** What lists show is edited once for every listing, by the hook for it. */
const lists: ReadonlySet<string> = new Set(kinds.map((kind) => kindWords[kind].list))

export function surroundTexts(editor: TextEditor, directions: readonly Direction[]): Hooks {
  const edits = (direction: Direction): boolean => directions.includes(direction)
  const [sends, answers, asks, tells] = [
    edits("arguments"),
    edits("results"),
    edits("questions"),
    edits("notifications"),
  ]
  return {
    async request(request, context, next) {
      if (lists.has(request.method)) return next(request, context)
      const sent = sends ? withParams(request, editor) : request
      const asking = asks || sends ? withQuestions(context, editor, { asks, sends }) : context
      if (!answers) return next(sent, asking)
      const { method, params } = request
      const place: Place = { direction: "results", method, params }
      try {
        return editResult(await next(sent, asking), editor, place)
      } catch (error) {
        throw editError(error, editor, place)
      }
    },
    notification(notification, { towards, server }, next) {
      const direction = towards === "servers" ? "arguments" : "notifications"
      if (towards === "servers" ? !sends : !tells) return next(notification)
      const { method, params } = notification
      const edited = editor.payload(params, { direction, method, params: {}, server })
      next(edited === params ? notification : { method, params: edited })
    },
  }
}

/** What clients give besides the names of things. */
const given = ["arguments", "argument", "context", "inputResponses"]

function withParams(request: McpRequest, editor: TextEditor): McpRequest {
  const { method, params } = request
  const place: Place = { direction: "arguments", method, params }
  let edited = params
  for (const key of given) {
    const value = params[key]
    if (value === undefined) continue
    const changed = editor.data(value, place)
    if (changed !== value) edited = { ...edited, [key]: changed }
  }
  return edited === params ? request : { ...request, params: edited }
}

function withQuestions(
  context: Context,
  editor: TextEditor,
  { asks, sends }: { readonly asks: boolean; readonly sends: boolean },
): Context {
  return deriveContext(context, {
    async ask({ method, params }, signal, server) {
      const place: Place = { direction: "questions", method, params: {}, server }
      const question = { method, params: asks ? editor.payload(params, place) : params }
      const answer = await context.ask(question, signal, server)
      if (!sends) return answer
      const value = editor.payload(answer.value, { ...place, direction: "arguments" })
      return value === answer.value ? answer : { value }
    },
  })
}

function editResult(result: McpResult, editor: TextEditor, place: Place): McpResult {
  if (result.bytes !== undefined && !editor.concerns(result.bytes)) return result
  const value = editor.payload(result.value, place)
  if (value === result.value) return result
  return { value, ...(result.cache !== undefined && { cache: result.cache }) }
}

function editError(error: unknown, editor: TextEditor, place: Place): unknown {
  if (!(error instanceof ProtocolError)) return error
  const { code, message, data } = error
  // Not as free data: URIs in it stay.
  const before: JsonObject = { message, ...(data !== undefined && { details: data }) }
  const after = editor.payload(before, place)
  return after === before ? error : new ProtocolError(code, String(after["message"]), after["details"])
}
