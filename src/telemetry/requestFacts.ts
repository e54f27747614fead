/** The fields by which entries of the log about one request are found: its id, its server, its trace. */
import type { Context } from "../protocol/messages.ts"

export interface RequestFields {
  readonly request: string
  /** Not there while no server was asked. */
  readonly server?: string
  /** Not there when the request is not traced. */
  readonly trace?: string
}

export function requestFacts({ id, observation, span }: Context): RequestFields {
  const server = observation?.server
  return {
    request: shownId(id),
    ...(server !== undefined && { server }),
    ...(span !== undefined && { trace: span.traceId }),
  }
}

/** Who knows the id of a session can act in it: the beginning is enough to tell sessions apart. */
export function shownId(id: string): string {
  return session.test(id) ? id.slice(0, 8) + id.slice(sessionLength) : id
}

const session = /^[0-9a-f]{8}-[0-9a-f-]{27}/
const sessionLength = 36
