/** HTTP servers that are not reached, or are others than they should be: bad certificates, redirects, pages, silence. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JsonObject } from "../../src/protocol/json.ts"
import { type CertificateOptions, createCertificate, inDays } from "../fixtures/certificate.ts"
import { closeAll, closers } from "../fixtures/harness.ts"
import { racesTheClock } from "../fixtures/noise.ts"
import { createContext } from "../wire/support.ts"
import { credential, events, type Fault, openFaulty, startFaulty } from "./faultyServer.ts"
import { create, entryOf, httpTarget, soon, temporaryFolder } from "./support.ts"

afterEach(closeAll)

const call = ["tools/call", { name: "echo", arguments: {} }] as const
const hi = { value: { content: [{ text: "hi" }] } }
const eras = ["legacy", "modern"] as const
const transports = ["auto", "http"] as const

/** Why a server at this address is not ready. */
async function reasonOf(url: string, transport: "auto" | "http" | "sse" = "auto"): Promise<string> {
  const { upstream } = create(entryOf(httpTarget(url, { transport })))
  upstream.start(undefined)
  await vi.waitFor(() => expect(upstream.state.state).toBe("backoff"), { timeout: 60_000, interval: 20 })
  const refused = upstream.handle({ method: "tools/list", params: {} }, createContext())
  await expect(refused).rejects.toMatchObject({ code: -31001, data: { server: "server", sent: "no", retryable: true } })
  return upstream.state.reason ?? ""
}

describe("the certificate of a server", () => {
  /** What a process says that trusts the authority: it is read once, when a process starts. */
  async function connectTrusting(url: string, authority: string): Promise<JsonObject> {
    const file = path.join(await temporaryFolder(), "authority.pem")
    await writeFile(file, authority)
    const script = path.join(import.meta.dirname, "reachProbe.ts")
    const child = spawn(process.execPath, ["--import", "tsx", script, url], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: file },
      stdio: ["ignore", "pipe", "inherit"],
    })
    closers.push(() => child.kill())
    const chunks: Buffer[] = []
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    await once(child, "close")
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as JsonObject
  }

  it.each<[string, CertificateOptions, JsonObject]>([
    ["is good", {}, { answered: true }],
    ["has expired", { notAfter: inDays(-1) }, { code: -31001, sent: "no", reason: "has expired" }],
    ["is for another host", { name: "other.example" }, { code: -31001, sent: "no", reason: "for another host" }],
  ])("%s", async (_what, options, expected) => {
    const issuer = createCertificate()
    const server = await startFaulty({ tls: createCertificate({ ...options, issuer }) })
    const told = await connectTrusting(server.url, issuer.cert)
    expect(told).toMatchObject(
      "reason" in expected ? { ...expected, reason: expect.stringContaining(String(expected["reason"])) } : expected,
    )
    expect(server.count("initialize")).toBe("answered" in expected ? 1 : 0)
  })

  it.each(["auto", "http", "sse"] as const)("signed by itself is not trusted (%s)", async (transport) => {
    const server = await startFaulty({ tls: createCertificate() })
    expect(await reasonOf(server.url, transport)).toMatch(/trusted|self-signed/)
    expect(server.received).toEqual([])
  })

  it("is not dispensed with: neither side falls back to plain text", async () => {
    const server = await startFaulty()
    expect(await reasonOf(server.url.replace("http:", "https:"))).toMatch(/cannot be reached|broke/)
    expect(server.received).toEqual([])
  })
})

describe("a server that is not there", () => {
  it.each(transports)("because its name leads nowhere (%s)", async (transport) => {
    expect(await reasonOf("http://nowhere.invalid/mcp", transport)).toMatch(/name cannot be resolved/)
  })

  it("because it refuses connections", async () => {
    const server = await startFaulty()
    await server.stop()
    expect(await reasonOf(server.url)).toContain("refused")
  })

  it("because nobody answers while connecting", async () => {
    // Taken by the system, but nobody says anything: to TLS it is a black hole.
    const mute = createServer()
    mute.listen(0, "127.0.0.1")
    await once(mute, "listening")
    const sockets = new Set<{ destroy(): unknown }>()
    mute.on("connection", (socket) => sockets.add(socket.on("error", () => undefined)))
    closers.push(() => {
      for (const socket of sockets) socket.destroy()
      mute.close()
    })
    const { port } = mute.address() as { port: number }
    expect(await reasonOf(`https://127.0.0.1:${port}/mcp`, "http")).toContain("no connection was made within 5000 ms")
  })
})

describe.each(eras)("a %s server that redirects", (era) => {
  it.each([301, 302, 303, 307, 308])("elsewhere is not followed (%i)", async (status) => {
    const { server, send } = await openFaulty({ era })
    const elsewhere = await startFaulty({ era })
    server.spoil(
      "tools/call",
      (response) => void response.writeHead(status, { location: `${elsewhere.url}?token=hush` }).end(),
    )
    const failure = (await send(...call).catch((error: unknown) => error)) as { readonly message: string }
    const sent = status >= 307 ? "no" : "maybe"
    expect(failure).toMatchObject({ code: -31001, data: { server: "server", sent, retryable: false } })
    expect(failure.message).toContain(server.origin)
    expect(failure.message).toContain(elsewhere.origin)
    expect(failure.message).not.toContain("hush")
    expect(elsewhere.received).toEqual([])
  })

  it.each([307, 308])("to itself is followed once, with everything (%i)", async (status) => {
    const { server, send } = await openFaulty({ era })
    server.spoil("tools/call", (response) => void response.writeHead(status, { location: "/mcp/" }).end())
    expect(await send(...call)).toMatchObject(hi)
    const [first, second] = server.received.filter(({ method }) => method === "tools/call")
    expect(second?.headers).toEqual(first?.headers)
    expect(second?.message).toEqual(first?.message)
    server.spoil("tools/call", (response) => void response.writeHead(status, { location: "/mcp/" }).end(), 2)
    await expect(send(...call)).rejects.toMatchObject({ code: -31001, data: { sent: "no", retryable: false } })
  })

  it.each([301, 302, 303])("to itself so that the method would change is not followed (%i)", async (status) => {
    const { server, send } = await openFaulty({ era })
    server.spoil("tools/call", (response) => void response.writeHead(status, { location: "/mcp/" }).end())
    await expect(send(...call)).rejects.toMatchObject({ code: -31001, data: { sent: "maybe" } })
    expect(server.count("tools/call")).toBe(1)
  })

  it("to nowhere is told so", async () => {
    const { server, send } = await openFaulty({ era })
    for (const headers of [{}, { location: "http://[" }]) {
      server.spoil("tools/call", (response) => void response.writeHead(307, headers).end())
      await expect(send(...call)).rejects.toMatchObject({ message: expect.stringContaining("to nowhere") })
    }
  })
})

describe("a page in the place of an answer", () => {
  const page: Fault = (response, { headers }) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" })
    const { authorization } = headers
    response.end(`<html>\n\u001b[2J\u202e<p>${authorization} ${authorization?.slice(7)}</p>${"pay ".repeat(1_000)}`)
  }

  it.each(eras)("is told with its type and beginning, without credentials (%s)", async (era) => {
    const { server, send } = await openFaulty({ era })
    server.spoil("tools/call", page)
    const failure = (await send(...call).catch((error: unknown) => error)) as { readonly data: JsonObject }
    expect(failure).toMatchObject({ code: -31003, data: { server: "server", sent: "maybe", retryable: false } })
    const reason = String(failure.data["reason"])
    expect(reason).toMatch(
      /^answered 200 with text\/html; charset=utf-8: <html> \[2J <p>\[hidden\] \[hidden\]<\/p>pay /,
    )
    expect(reason).not.toContain(credential)
    expect(reason.length).toBeLessThan(280)
    expect(await send(...call)).toMatchObject(hi)
  })

  it("without end is not read to it", async () => {
    const { server, send } = await openFaulty()
    server.spoil("tools/call", (response) => {
      response.writeHead(200, { "content-type": "text/html" })
      const more = (): void =>
        void (response.destroyed || response.write("x".repeat(64 * 1024), () => setImmediate(more)))
      more()
    })
    await expect(send(...call)).rejects.toMatchObject({ code: -31003 })
  })

  it("at the start keeps a server from being ready, and is no reason to try the older transport", async () => {
    const server = await startFaulty()
    server.spoil("initialize", page, 100)
    server.spoil("server/discover", page, 100)
    const { upstream } = create(entryOf(httpTarget(server.url)))
    upstream.start(undefined)
    await vi.waitFor(() => expect(upstream.state.reason).toContain("answered 200 with text/html"), soon)
    expect(server.received.filter(({ http }) => http === "GET")).toEqual([])
  })

  it("is not taken for the stream of a session", async () => {
    const { server, send } = await openFaulty({}, {}, (fresh) => fresh.spoil("GET", page, 100))
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(server.received.filter(({ http }) => http === "GET")).toHaveLength(1)
    expect(await send(...call)).toMatchObject(hi)
  })
})

describe.each(eras)("the deadline of a request to a %s server", racesTheClock, (era) => {
  const limits = { callMs: 1_000, totalMs: 2_000 }

  it.each<[string, RegExp, "no" | "maybe", Fault]>([
    ["headers", /^no answer within 1000 ms: the headers of the response did not come$/, "maybe", () => undefined],
    [
      "an end of the body, byte by byte",
      /^no answer within 1000 ms: the response began and did not end$/,
      "maybe",
      (response) => {
        response.writeHead(200, { "content-type": "application/json" })
        drip(response, " ")
      },
    ],
    [
      "an answer among comments",
      /^no answer within 1000 ms: the response began and did not end$/,
      "maybe",
      (response) => drip(events(response), ": \n\n"),
    ],
  ])("says that it waited for %s, and the connection is closed", async (_what, reason, sent, fault) => {
    const { server, send } = await openFaulty({ era }, limits)
    const closed = vi.fn()
    server.spoil("tools/call", (response, ...rest) => {
      response.once("close", closed)
      fault(response, ...rest)
    })
    await expect(send(...call)).rejects.toMatchObject({
      code: -31002,
      data: { server: "server", sent, reason: expect.stringMatching(reason) },
    })
    await vi.waitFor(() => expect(closed).toHaveBeenCalled(), soon)
    if (era === "legacy") await vi.waitFor(() => expect(server.count("notifications/cancelled")).toBe(1), soon)
    expect(await send(...call)).toMatchObject(hi)
  })

  it("is not moved by progress beyond the total", async () => {
    const { server, send } = await openFaulty({ era }, limits)
    server.spoil("tools/call", (response, { message }) => {
      const { _meta } = message["params"] as { _meta?: JsonObject }
      const params = { progressToken: _meta?.["progressToken"] ?? null, progress: 1 }
      const progress = JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params })
      drip(events(response), `data: ${progress}\n\n`)
    })
    await expect(send(...call)).rejects.toMatchObject({
      code: -31002,
      data: { reason: "no answer within 2000 ms altogether: the response began and did not end" },
    })
  })

  it("says that it waited for a busy server, which has not taken the request", async () => {
    const { server, send } = await openFaulty({ era }, limits)
    server.spoil("tools/call", (response) => void response.writeHead(503, { "retry-after": "0" }).end(), 100)
    await expect(send(...call)).rejects.toMatchObject({ data: { sent: "no" } })
  })

  function drip(response: Parameters<Fault>[0], text: string): void {
    const timer = setInterval(() => response.write(text), 50)
    response.once("close", () => clearInterval(timer))
  }
})

it.each(["soon", "-5", "1.5", "5 apples", "", "99999999999999999999", "Sun, 06 Nov 2094 08:49:37 GMT"])(
  "a server that says to come again %j is not waited for",
  async (when) => {
    const { server, send } = await openFaulty()
    server.spoil("tools/call", (response) => void response.writeHead(503, { "retry-after": when }).end())
    await expect(send(...call)).rejects.toMatchObject({ code: -31006, data: { sent: "no", retryable: true } })
    expect(server.count("tools/call")).toBe(1)
  },
)
