/**
 * Elicitation of mode `url` across hops and generations. In the legacy generation each has an `elicitationId`, by which
 * the server tells later that it is complete (specification 2025-11-25, client/elicitation); the modern one has neither.
 * Ids are the server's own, so clients of several servers could see equal ones: each client gets ids of the host, and
 * what a server completes reaches exactly the client that was asked.
 */
import { randomUUID } from "node:crypto"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, type JsonValue, objectsAt, stringAt } from "../protocol/json.ts"
import type { Client, McpNotification, McpRequest } from "../protocol/messages.ts"

/** Elicitations of one session that may still be completed; of more than this the oldest are forgotten. */
const maxElicitations = 1_000

export const elicitationComplete = "notifications/elicitation/complete"

interface Shown {
  readonly client: Client
  /** The server's id. */
  readonly own: string
  readonly id: string
}

/** The elicitations of one session of a server. */
export class UrlElicitations {
  readonly #shown = new Set<Shown>()

  /** A question of the server as the client is asked it. */
  toClient(question: McpRequest, client: Client): McpRequest {
    if (question.method !== "elicitation/create" || question.params["mode"] !== "url") return question
    return { method: question.method, params: this.#toClient(question.params, client) }
  }

  /** An error of the server as the client gets it: -32042 shows elicitations. */
  inError(error: unknown, client: Client): unknown {
    if (!(error instanceof ProtocolError) || error.code !== rpcCodes.urlElicitationRequired) return error
    const { data } = error
    const elicitations = isJsonObject(data) ? data["elicitations"] : undefined
    // For the other generation they become questions.
    if (!isJsonObject(data) || !Array.isArray(elicitations) || client.era !== "legacy") return error
    const shown = elicitations.map((each) => (isJsonObject(each) ? this.#toClient(each, client) : each))
    return new ProtocolError(error.code, error.message, { ...data, elicitations: shown })
  }

  /** Tells the client that was asked; `cause` is the client in whose call the server said so. Of nobody's elicitation, nobody hears. */
  complete({ method, params }: McpNotification, cause: Client | undefined): void {
    const own = stringAt(params, "elicitationId")
    const asked = [...this.#shown].filter((shown) => shown.own === own)
    const [only] = asked.length > 1 ? asked.filter(({ client }) => client === cause) : asked
    if (only === undefined) return
    this.#shown.delete(only)
    only.client.notify({ method, params: { ...params, elicitationId: only.id } })
  }

  /** The client has left. */
  forget(client: Client): void {
    for (const shown of this.#shown) if (shown.client === client) this.#shown.delete(shown)
  }

  #toClient(params: JsonObject, client: Client): JsonObject {
    const { elicitationId, ...rest } = params
    return client.era === "legacy" ? { ...params, elicitationId: this.#idOf(elicitationId, client) } : rest
  }

  #idOf(own: JsonValue | undefined, client: Client): string {
    // Unguessable: whoever knows an id can claim that it is complete.
    if (typeof own !== "string") return randomUUID()
    for (const shown of this.#shown) if (shown.own === own && shown.client === client) return shown.id
    const id = randomUUID()
    this.#shown.add({ client, own, id })
    const [oldest] = this.#shown
    if (this.#shown.size > maxElicitations && oldest !== undefined) this.#shown.delete(oldest)
    return id
  }
}

/** The questions by which a modern client is asked what error -32042 asks of a legacy one; undefined for other errors, and for one that asks nothing. */
export function questionsOf({ code, data }: ProtocolError): JsonObject[] | undefined {
  if (code !== rpcCodes.urlElicitationRequired || !isJsonObject(data)) return undefined
  const questions = objectsAt(data, "elicitations").flatMap(({ elicitationId: _, ...params }): JsonObject[] =>
    params["mode"] === "url" && typeof params["url"] === "string" ? [{ method: "elicitation/create", params }] : [],
  )
  return questions.length === 0 ? undefined : questions
}
