/** However requests end, none of them counts as under way afterwards; a subscription never does. */
import { afterEach, expect, it, vi } from "vitest"
import type { JsonObject } from "../../../src/protocol/json.ts"
import { atEndOfTurn, requestCame, requestLeft } from "../../../src/wire/endOfTurn.ts"
import { closeAll } from "../../fixtures/harness.ts"
import { soon } from "../../upstreams/support.ts"
import { modern, openSession, rawServer, request, send, startRig, stream, toolCall } from "../support.ts"

afterEach(closeAll)

/** Whether a request that came now would be the only one. */
function wouldBeAlone(): boolean {
  let alone = false
  requestCame()
  atEndOfTurn(() => {
    alone = true
  })
  const done = alone
  requestLeft()
  return done
}

const nobodyIsLeft = () => vi.waitFor(() => expect(wouldBeAlone()).toBe(true), soon)

it("of either generation, answered, refused, cancelled or left", async () => {
  const { url } = await startRig({ servers: [rawServer("raw")] })
  await nobodyIsLeft()
  const session = await openSession(url)
  for (const body of [
    request(1, "ping"),
    request(2, "no/such"),
    toolCall(3, "raw_none"),
    toolCall(null as never, "raw_none"),
  ])
    await session.send(body)
  for (const ask of [modern("tools/list"), modern("tools/call", { name: "raw_none" }), modern("no/such")])
    await send(url, ask)
  await nobodyIsLeft()

  const hanging = session.send(toolCall(4, "raw_do_hang"))
  await vi.waitFor(() => expect(wouldBeAlone()).toBe(false), soon)
  await session.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 4 } })
  await hanging
  await nobodyIsLeft()

  const left = stream(url, modern("tools/call", { name: "raw_do_hang", arguments: {} } satisfies JsonObject)).catch(
    () => undefined,
  )
  const deleted = session.send(toolCall(5, "raw_do_hang"))
  await vi.waitFor(() => expect(wouldBeAlone()).toBe(false), soon)
  await send(url, { method: "DELETE", headers: session.headers })
  await deleted
  await closeAll()
  await left
  await nobodyIsLeft()
})

it("a subscription does not count", async () => {
  const { url } = await startRig({ servers: [rawServer("raw")] })
  const subscription = await stream(url, modern("subscriptions/listen", { notifications: { toolsListChanged: true } }))
  expect(subscription.status).toBe(200)
  await nobodyIsLeft()
  subscription.close()
  await subscription.end()
  expect(wouldBeAlone()).toBe(true)
})
