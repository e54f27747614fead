/** The public API: what `import … from "mcp-host"` gives, and how little it loads. */
import { spawnSync } from "node:child_process"
import path from "node:path"
import { describe, expect, it } from "vitest"
import * as api from "../src/index.ts"
import { ProtocolError } from "../src/protocol/errors.ts"
import { pageOf } from "./docs/support.ts"

const built = path.resolve(import.meta.dirname, "../dist/index.js")

describe("the public API", () => {
  it("has these values", () => {
    expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
      [
        "HostError",
        "ProtocolError",
        "defineMiddleware",
        "rpcCodes",
        "upstreamError",
      ]
    `)
  })

  it("has these types", () => {
    const { text } = pageOf("src/index.ts")
    const types = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, all, names = ""]) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "" && (all !== undefined || name.startsWith("type ")))
        .map((name) => name.replace(/^type /, "")),
    )
    expect(types.sort()).toMatchInlineSnapshot(`
      [
        "AddedCall",
        "AddedTool",
        "CatalogueEvent",
        "Client",
        "Context",
        "FactLogger",
        "Handler",
        "HostErrorCode",
        "JsonObject",
        "JsonValue",
        "McpNotification",
        "McpRequest",
        "McpResult",
        "MessageHook",
        "MethodHooks",
        "Metrics",
        "Middleware",
        "MiddlewareDefinition",
        "MiddlewareDeps",
        "NotificationHook",
        "OptionsSchema",
        "Passage",
        "Principal",
        "RequestHook",
        "ServerContext",
        "ServerFactory",
        "ServerLogger",
        "Store",
        "Subject",
        "UpstreamErrorFacts",
        "WireErrorName",
      ]
    `)
  })

  it("loads nothing but itself", () => {
    const script = `import { registerHooks, register } from "node:module"
const seen = []
const hook = "export async function load(url, context, next) { console.log(url); return next(url, context) }"
register("data:text/javascript," + encodeURIComponent(hook))
await import(${JSON.stringify(built)})`
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", script.replace("registerHooks, ", "")],
      {
        encoding: "utf8",
      },
    )
    const loaded = stdout.trim().split("\n")
    expect(stderr).not.toContain("Error")
    expect(loaded.length).toBeGreaterThan(1)
    expect(loaded.filter((url) => url.includes("node_modules") || url.startsWith("node:"))).toEqual([])
    expect(loaded.length).toBeLessThanOrEqual(6)
  })
})

describe("an error of another copy of the module", () => {
  it("is one of this copy's too, and no subclass of it", async () => {
    class Sub extends ProtocolError {}
    const other = (await import(`${built}?other`)) as typeof api
    const foreign = new other.ProtocolError(-32000, "foreign")
    expect(foreign).toBeInstanceOf(ProtocolError)
    expect(foreign).not.toBeInstanceOf(Sub)
    expect(new Sub(-32000, "own")).toBeInstanceOf(Sub)
    expect(new Sub(-32000, "own")).toBeInstanceOf(other.ProtocolError)
    expect(new Error("plain")).not.toBeInstanceOf(ProtocolError)
    expect(null).not.toBeInstanceOf(ProtocolError)
  })
})
