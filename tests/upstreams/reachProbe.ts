// node --import tsx reachProbe.ts URL — sends one request there and prints what came of it, as JSON.

import { ProtocolError } from "../../src/protocol/errors.ts"
import { isJsonObject } from "../../src/protocol/json.ts"
import { HttpChannel } from "../../src/upstreams/httpChannel.ts"

const channel = new HttpChannel({ url: process.argv[2] ?? "", headers: {} })
await channel.start({ message: () => undefined, answered: () => undefined, closed: () => undefined })
const outcome = await channel.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} }).then(
  () => ({ answered: true }),
  (error: unknown) =>
    error instanceof ProtocolError && isJsonObject(error.data) ? { ...error.data, code: error.code } : String(error),
)
process.stdout.write(JSON.stringify(outcome))
await channel.close()
