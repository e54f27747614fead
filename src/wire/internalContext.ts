/** The context of requests the host makes on its own account: listing, listening, shaking hands. Nobody can be asked. */
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import type { Context, McpRequest } from "../protocol/messages.ts"

let count = 0

const nobody = {
  notify: (): void => undefined,
  ask: async (request: McpRequest): Promise<never> => {
    throw new ProtocolError(rpcCodes.methodNotFound, `No client to answer ${request.method}`)
  },
}

export function internalContext(signal: AbortSignal): Context {
  count += 1
  const client = { key: "", leaves: false, unsolicited: false, era: "", capabilities: {}, info: undefined, ...nobody }
  return { id: `host-${count}`, principal: { id: "host" }, client, signal, ...nobody }
}
