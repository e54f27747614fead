/**
 * Error -32042 across the generations: a legacy server refuses a request until pages were visited, and its client sends
 * it again by itself (specification 2025-11-25, client/elicitation, "URL Elicitation Required Error"). A modern client,
 * which does not know the error, is asked to visit them, and the host sends the request again.
 */
import { ProtocolError, upstreamError } from "../protocol/errors.ts"
import { objectAt, stringAt } from "../protocol/json.ts"
import type { McpRequest, McpResult } from "../protocol/messages.ts"
import { questionsOf } from "./urlElicitation.ts"

/** Times one request may be refused for pages to visit. */
const maxVisits = 8

/**
 * The outcome of a request that ended with `error`, after its client has visited what the server wanted, if it wanted that;
 * a client that refuses gets a typed error.
 */
export async function afterVisits(
  error: unknown,
  send: () => Promise<McpResult>,
  ask: (question: McpRequest) => Promise<McpResult>,
  visits = 0,
): Promise<McpResult> {
  const questions = error instanceof ProtocolError ? questionsOf(error) : undefined
  if (questions === undefined || visits === maxVisits) throw error
  const answers = await Promise.all(
    questions.map((question) =>
      ask({ method: String(question["method"]), params: objectAt(question, "params") ?? {} }),
    ),
  )
  if (!answers.every(({ value }) => stringAt(value, "action") === "accept")) throw notVisited(error)
  return send().catch((again: unknown) => afterVisits(again, send, ask, visits + 1))
}

function notVisited(error: unknown): ProtocolError {
  const reason = `needs a page to be visited first, which was declined: ${(error as ProtocolError).message}`
  return upstreamError("UPSTREAM_AUTH", { reason, sent: "maybe", retryable: true })
}
