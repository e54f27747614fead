/**
 * `/mcp` for clients of the modern generation: every POST stands alone, its headers mirror its body, and closing its
 * stream cancels it (specification 2026-07-28, basic/transports/streamable-http).
 */
import { setMaxListeners } from "node:events"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Cancellation } from "../../protocol/cancellation.ts"
import { ProtocolError, rpcCodes, toErrorObject } from "../../protocol/errors.ts"
import { InFlight } from "../../protocol/inFlight.ts"
import { type JsonObject, objectAt, stringAt } from "../../protocol/json.ts"
import type { RequestId } from "../../protocol/messages.ts"
import { RawResult } from "../../protocol/rawResult.ts"
import { claimedVersion } from "../../wire/eras/versions.ts"
import { decodeHeader, type HeaderPaths, headerPathsOf, mcpName, paramMismatch } from "../../wire/headers.ts"
import { statusOf } from "../answers.ts"
import { drainingError } from "../draining.ts"
import { ModernEndpoint } from "../modernExchange.ts"
import type { Served } from "../served.ts"
import { refuse } from "./refuse.ts"
import { Reply } from "./reply.ts"

interface Open {
  readonly id: RequestId
  readonly reply: Reply
}

export class ModernRoutes {
  readonly #served: Served
  readonly #endpoint: ModernEndpoint
  readonly #open = new InFlight<Open, Open>()
  readonly #subscriptions = new Set<Open>()
  readonly #ending = new AbortController()
  /** Header annotations of tools, read from a definition once. */
  readonly #paths = new WeakMap<JsonObject, HeaderPaths>()

  constructor(served: Served, eras: readonly string[]) {
    this.#served = served
    // Every subscription waits for it.
    setMaxListeners(0, this.#ending.signal)
    this.#endpoint = new ModernEndpoint({
      served,
      principal: { id: "anonymous" },
      key: "principal:anonymous",
      leaves: false,
      eras,
    })
  }

  /** True while requests other than subscriptions are being served. */
  get busy(): boolean {
    return this.#open.size > this.#subscriptions.size
  }

  get subscriptions(): number {
    return this.#subscriptions.size
  }

  post(request: IncomingMessage, response: ServerResponse, body: JsonObject): Promise<void> | undefined {
    const params = objectAt(body, "params") ?? {}
    const method = String(body["method"])
    if (!("id" in body)) return void response.writeHead(202).end()
    const id = body["id"] as RequestId
    if (typeof id !== "string" && typeof id !== "number") {
      return void refuse(response, 400, "A request id is a string or a number")
    }
    const reply = new Reply(response, request.headers.accept ?? "")
    if (!reply.acceptable)
      return void refuse(response, 406, "Not acceptable: accept application/json and text/event-stream", id)
    const problem = this.#problem(request, method, params)
    if (problem !== undefined) return void reply.answer({ jsonrpc: "2.0", id, error: toErrorObject(problem) }, 400)
    return this.#serve(response, reply, { id, method, params })
  }

  /** Ends subscriptions gracefully. */
  endSubscriptions(): void {
    this.#ending.abort()
  }

  /** Answers what is still in flight. */
  close(): void {
    this.#ending.abort()
    this.#endpoint.close()
    const error = toErrorObject(drainingError("maybe"))
    for (const { id, reply } of this.#open.values()) reply.answer({ jsonrpc: "2.0", id, error })
  }

  async #serve(
    response: ServerResponse,
    reply: Reply,
    { id, method, params }: { id: RequestId; method: string; params: JsonObject },
  ): Promise<void> {
    const cancellation = new Cancellation()
    // A normal end of the response closes it too; by then the request is no longer in flight.
    const onClose = (): void => cancellation.cancel()
    response.once("close", onClose)
    const open: Open = { id, reply }
    this.#open.set(open, open)
    if (method === "subscriptions/listen") {
      this.#subscriptions.add(open)
      if (response.socket !== null) response.socket.setKeepAlive(true)
    }
    const answer = await this.#endpoint.answer({
      id,
      request: { method, params },
      cancellation,
      ending: this.#ending.signal,
      notify: (message) => reply.message(message),
    })
    this.#open.delete(open)
    this.#subscriptions.delete(open)
    response.removeListener("close", onClose)
    if (answer === undefined) return reply.end()
    if ("result" in answer) {
      const { result } = answer
      if (result instanceof RawResult) return reply.answerBytes(id, result)
      return reply.answer({ jsonrpc: "2.0", id, result: result.value })
    }
    reply.answer({ jsonrpc: "2.0", id, error: answer.error }, answer.malformed ? 400 : statusOf(answer.error))
  }

  /** Why the headers do not mirror the body, if they do not. */
  #problem({ headers }: IncomingMessage, method: string, params: JsonObject): ProtocolError | undefined {
    const mismatch = (what: string): ProtocolError =>
      new ProtocolError(rpcCodes.headerMismatch, `Header mismatch: ${what}`)
    const header = (name: string): string | undefined => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(", ") : value
    }
    const version = claimedVersion(params)
    if (header("mcp-protocol-version") === undefined) return mismatch("the MCP-Protocol-Version header is missing")
    if (version !== undefined && header("mcp-protocol-version") !== version) {
      return mismatch(`MCP-Protocol-Version ${header("mcp-protocol-version")} does not match the body's ${version}`)
    }
    if (header("mcp-method") !== method)
      return mismatch(`Mcp-Method ${header("mcp-method") ?? "is missing; it"} does not match the body's ${method}`)
    const name = mcpName(method, params)
    if (name !== undefined) {
      const given = header("mcp-name")
      const decoded = given === undefined ? undefined : decodeHeader(given)
      if (decoded !== name) return mismatch(`Mcp-Name ${given ?? "is missing; it"} does not match the body's ${name}`)
    }
    if (method !== "tools/call" || version === undefined) return undefined
    const paths = this.#headerPaths(params)
    const wrong = paths === undefined ? undefined : paramMismatch(params, paths, header)
    return wrong === undefined ? undefined : mismatch(wrong)
  }

  #headerPaths(params: JsonObject): HeaderPaths | undefined {
    let tool: JsonObject | undefined
    try {
      tool = this.#served.tool(this.#endpoint.client(params), stringAt(params, "name") ?? "")
    } catch {
      // A malformed envelope is answered as such when the request is served.
      return undefined
    }
    if (tool === undefined) return undefined
    const known = this.#paths.get(tool)
    if (known !== undefined) return known
    const found = headerPathsOf(tool)
    const paths: HeaderPaths = "invalid" in found ? new Map() : found
    this.#paths.set(tool, paths)
    return paths
  }
}
