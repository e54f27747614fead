/**
 * The calls of modern clients that servers may ask questions in: kept on this instance from one request of the client
 * to its retry, and found again by what the retry's sealed `requestState` says. Nothing is ever executed twice.
 */
import { randomUUID } from "node:crypto"
import { ProtocolError, rpcCodes, upstreamError } from "../protocol/errors.ts"
import { type JsonObject, objectAt, stringAt } from "../protocol/json.ts"
import type { McpRequest, McpResult } from "../protocol/messages.ts"
import { answerMs, ParkedCall, type Turn } from "./parkedCall.ts"
import { identityOf, RequestStates, refused } from "./requestState.ts"

/** Calls that wait for their clients at once. */
const maxParked = 1_000

/** The only requests during which a client can be asked (specification 2026-07-28, basic/patterns/mrtr). */
const askable: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"])

export class Parking {
  readonly #principal: string
  readonly #states = new RequestStates()
  readonly #calls = new Map<string, ParkedCall>()

  /** `principal` is whose requests these are. */
  constructor(principal: string) {
    this.#principal = principal
  }

  /** True when a client with these capabilities can be asked during a request. */
  canAsk({ method }: McpRequest, capabilities: JsonObject): boolean {
    return (
      askable.has(method) && ("elicitation" in capabilities || "sampling" in capabilities || "roots" in capabilities)
    )
  }

  /** Serves a request for the first time; `run` sends it on. */
  begin(turn: Turn, run: (call: ParkedCall) => Promise<McpResult>): Promise<McpResult> {
    const id = randomUUID()
    const call: ParkedCall = new ParkedCall({
      state: ({ server, round }) =>
        this.#states.seal({
          ...{ park: id, round, server, principal: this.#principal, expires: Date.now() + answerMs },
          ...identityOf(turn.request),
        }),
      parked: () => this.#keep(id, call),
      over: () => void this.#calls.delete(id),
    })
    const result = call.serve(turn)
    call.run(run(call))
    return result
  }

  /** True for a retry of a request that was parked here. */
  isRetry({ params }: McpRequest): boolean {
    return this.#states.isOwn(stringAt(params, "requestState") ?? "")
  }

  /** Serves a retry; rejects when its state is not the one this very request is to be resumed with. */
  async resume(turn: Turn): Promise<McpResult> {
    const { request } = turn
    const facts = this.#states.open(stringAt(request.params, "requestState") ?? "")
    const same = identityOf(request)
    const isSame = facts.method === same.method && facts.name === same.name && facts.digest === same.digest
    if (facts.principal !== this.#principal || !isSame) throw refused("belongs to another request")
    const responses = request.params["inputResponses"] === undefined ? {} : objectAt(request.params, "inputResponses")
    if (responses === undefined) throw new ProtocolError(rpcCodes.invalidParams, "inputResponses is no object")
    const call = this.#calls.get(facts.park)
    if (call === undefined || call.round !== facts.round) throw refused("was used already, or its request has ended")
    // From here on the state is used up, whatever happens: the request is in the client's hands again.
    this.#calls.delete(facts.park)
    call.take(responses)
    return call.serve(turn)
  }

  /** Ends what waits for clients. */
  close(): void {
    for (const call of [...this.#calls.values()]) call.cancel()
  }

  #keep(id: string, call: ParkedCall): void {
    if (this.#calls.size >= maxParked) {
      const reason = `${maxParked} calls wait for answers of their clients already`
      throw upstreamError("BUSY", { server: call.server, reason, sent: "maybe", retryable: true })
    }
    this.#calls.set(id, call)
  }
}
