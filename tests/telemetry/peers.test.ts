import { describe, expect, it } from "vitest"
import { HostError } from "../../src/errors.ts"
import { loadPeers, promClientPeer } from "../../src/telemetry/peers.ts"

const request = { use: "telemetry.traces", directory: import.meta.dirname }

describe("packages that are loaded when they are needed", () => {
  it("are given in order", async () => {
    const [module] = await loadPeers([promClientPeer], request)
    expect(module).toHaveProperty("default.Registry")
  })

  it("are named with the command that installs all of them, when one is missing", async () => {
    const missing = { name: "@mcp-host-tests/not-there", version: "1.2.3" }
    const error = await loadPeers([promClientPeer, missing], request).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HostError)
    expect(error).toMatchObject({
      code: "TELEMETRY_PACKAGE_MISSING",
      message: "telemetry.traces needs @mcp-host-tests/not-there, which is not installed",
      help: "Run: npm install prom-client@15.1.3 @mcp-host-tests/not-there@1.2.3",
    })
  })
})
