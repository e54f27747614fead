/** The public API: what `import … from "mcp-host"` gives, and how little it loads. */
import { spawnSync } from "node:child_process"
import { statSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
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
    const loaded = loadedBy(["--input-type=module", "-e", `await import(${JSON.stringify(built)})`])
    expect(loaded.filter((url) => url.includes("node_modules") || url.startsWith("node:"))).toEqual([])
    expect(bytesOf(loaded)).toBeLessThan(64 * 1_024)
  })
})

describe("the command", () => {
  it("loads nothing of the host to say its version", () => {
    const loaded = loadedBy([path.resolve(built, "../cli/main.js"), "--version"])
    expect(bytesOf(loaded)).toBeLessThan(8 * 1_024)
  })
})

/** The modules that Node loads when it is started like this. */
function loadedBy(args: readonly string[]): string[] {
  // Written at once: what a hook's thread says by `console` can be lost when the process ends.
  const hook = `import { writeSync } from "node:fs"
    export async function load(url, context, next) { writeSync(2, url + "\\n"); return next(url, context) }`
  const register = `import { register } from "node:module"; register(${JSON.stringify(toModule(hook))})`
  const { stderr, status } = spawnSync(process.execPath, ["--import", toModule(register), ...args], {
    encoding: "utf8",
  })
  expect(status).toBe(0)
  const urls = stderr.split("\n").filter((line) => /^(file|node):/.test(line))
  expect(urls.length).toBeGreaterThan(1)
  return urls
}

function toModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}

function bytesOf(urls: readonly string[]): number {
  const files = urls.filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url))
  return files.reduce((sum, file) => sum + statSync(file).size, 0)
}

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
