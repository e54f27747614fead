/** What a check of the crossing matrix gets: one client of one generation and one server of one generation behind a host. */
import type { Raw } from "../rawClient.ts"
import type { TransportKind } from "../rig.ts"
import type { Asked, Json, TestClient } from "../testClient.ts"

export const eras = ["legacy", "modern"] as const
export type Era = (typeof eras)[number]

/** Client, then server. */
export const crossings = ["legacy→legacy", "legacy→modern", "modern→legacy", "modern→modern"] as const
export type Crossing = (typeof crossings)[number]

export interface Cell {
  readonly client: Era
  readonly server: Era
  readonly crossing: Crossing
  readonly clientTransport: TransportKind
  readonly serverTransport: TransportKind
  /** Manifest key of the server, and so the prefix of its names; the server with tasks has one more letter, `t`. */
  readonly key: string
  /** The SDK's client. */
  readonly sdk: TestClient
  /** A client without an SDK that declares tasks in its generation's form. */
  readonly raw: Raw
  /** Both clients answer questions with this from now on. */
  answerWith(answer: (question: Asked) => Json): void
}

/** What a result says beside the members that every result of the client's generation has; those are checked. */
export function plain(cell: Cell, { result, error }: { result?: Json; error?: Json }): Json {
  if (result === undefined) throw new Error(`an error instead of a result: ${JSON.stringify(error)}`)
  const { resultType, _meta: meta, ...rest } = result
  const { "io.modelcontextprotocol/serverInfo": serverInfo, ...kept } = meta ?? {}
  const isModern = cell.client === "modern"
  if ((resultType === "complete") !== isModern || (serverInfo?.name === "crossings") !== isModern)
    throw new Error(`resultType and serverInfo do not fit the generation: ${JSON.stringify(result)}`)
  return Object.keys(kept).length === 0 ? rest : { ...rest, _meta: kept }
}

/** Calls a tool of the cell's server without an SDK. */
export async function rawCall(cell: Cell, name: string, params: Json = {}): Promise<Json> {
  return plain(cell, await cell.raw.request("tools/call", { name: `${cell.key}${name}`, ...params }))
}

/** Calls a tool that may ask; a modern client answers by calling again. Returns the last answer, unchecked. */
export async function rawAsking(cell: Cell, name: string, args: Json, answer: (question: Asked) => Json) {
  const asked: Asked[] = []
  const respond = (question: Asked): Json => {
    asked.push(question)
    return answer(question)
  }
  cell.answerWith(respond)
  const params: Json = { name: `${cell.key}${name}`, arguments: args }
  let response = await cell.raw.request("tools/call", params)
  for (let round = 0; round < 4 && response.result?.["resultType"] === "input_required"; round += 1) {
    const { inputRequests, requestState } = response.result
    const inputResponses = Object.fromEntries(
      Object.entries(inputRequests as Json).map(([key, question]) => [key, respond(question)]),
    )
    response = await cell.raw.request("tools/call", { ...params, inputResponses, requestState })
  }
  return { asked, response }
}
