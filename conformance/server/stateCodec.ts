/** Signs the `requestState` that goes through the client. The key lives as long as the process. */
import { randomBytes } from "node:crypto"
import { createRequestStateCodec } from "@modelcontextprotocol/server"

export interface RoundState {
  readonly tool: string
  readonly round?: number
  readonly name?: string
  /** Makes two states differ. */
  readonly nonce: string
}

export const stateCodec = createRequestStateCodec<RoundState>({ key: randomBytes(32) })
