/** Canaries: words that belong to one call of one client, and the search for them where they do not belong. */
import type { Json } from "../e2e/testClient.ts"

const pattern = /canary-(\d+)-(\d+)/g

export function canaryOf(client: number, call: number): string {
  return `canary-${client}-${call}`
}

/** What all clients of a run have seen. */
export interface Findings {
  messages: number
  questions: number
  progress: number
  logs: number
  updates: number
  /** Canaries of other clients, with where they were found. */
  readonly foreign: string[]
  /** Own canaries on the stream of another call of the same client. */
  misplaced: number
  /** Calls that failed, by reason. */
  readonly failed: Map<string, number>
}

export function newFindings(): Findings {
  return { messages: 0, questions: 0, progress: 0, logs: 0, updates: 0, foreign: [], misplaced: 0, failed: new Map() }
}

/** Searches the text of a message that a client received, on the stream of `call` if it came on one. */
export function search(findings: Findings, text: string, at: { client: number; call: number | undefined }): void {
  findings.messages += 1
  for (const [found, client, call] of text.matchAll(pattern)) {
    if (Number(client) !== at.client)
      findings.foreign.push(`client ${at.client} received ${found}: ${text.slice(0, 500)}`)
    else if (at.call !== undefined && Number(call) !== 0 && Number(call) !== at.call) findings.misplaced += 1
  }
}

export function count(findings: Findings, { method }: Json): void {
  if (method === "notifications/progress") findings.progress += 1
  else if (method === "notifications/message") findings.logs += 1
  else if (method === "notifications/resources/updated") findings.updates += 1
}
