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
    request: id,
    ...(server !== undefined && { server }),
    ...(span !== undefined && { trace: span.traceId }),
  }
}
