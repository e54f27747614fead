import { afterEach, describe, expect, it } from "vitest"
import { createHost } from "../endpoints/support.ts"
import { closeAll } from "../fixtures/harness.ts"
import { entryOf, stdioTarget } from "../upstreams/support.ts"
import { createClient, createContext } from "../wire/support.ts"

afterEach(closeAll)

describe("a call made before anything was listed", () => {
  const hung = entryOf(stdioTarget("hang.mjs"), { key: "hung" })
  const slow = entryOf(stdioTarget("slow-start.mjs", { env: { DELAY: "500", TOOLS: "2" } }), { key: "slow" })

  it("waits for the server that has the tool, and not for another that hangs", async () => {
    const host = createHost({ servers: [hung, slow] })
    const client = createClient()
    host.connect(client)
    const params = { name: "slow_tool_1", arguments: {} }
    const { value } = await host.handle({ method: "tools/call", params }, createContext({ client }))
    expect(value).toMatchObject({ structuredContent: { received: {} } })
    expect(host.servers().map(({ state }) => state)).toEqual(["starting", "ready"])
  })
})
