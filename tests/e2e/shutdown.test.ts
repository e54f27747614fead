/** How the program ends: calls in flight first, then every process it started. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { afterEach, describe, expect, it } from "vitest"
import {
  closeAll,
  closers,
  connectHttp,
  ended,
  fixture,
  httpProgram,
  isAlive,
  type Program,
  pidFile,
  stdioProgram,
  until,
  writeManifest,
} from "./rig.ts"
import type { Json } from "./testClient.ts"

afterEach(closeAll)

describe("the end of the program", () => {
  async function run(program: (file: string) => Program): Promise<{ child: ChildProcess; pids: number[] }> {
    const files = await Promise.all([pidFile(), pidFile(), pidFile()])
    const [one, two, three] = files.map(({ file }) => ({ PID_FILE: file }))
    const manifest = await writeManifest({
      servers: {
        one: { mount: fixture("v1-stdio.mjs", one) },
        two: { mount: fixture("v2-stdio.mjs", two) },
        stubborn: { mount: fixture("stubborn.mjs", { ...three, STUBBORN_MS: "30000" }) },
        broken: { mount: fixture("exit.mjs") },
      },
    })
    const { command, args, env } = program(manifest)
    const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "ignore"] })
    closers.push(() => child.kill("SIGKILL"))
    child.stdout.resume()
    const initialize = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } }
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: initialize })}\n`)
    const running = async () => {
      const found = (await Promise.all(files.map(({ pids }) => pids()))).flat()
      return found.length === 4 ? found : undefined
    }
    const pids = await until("all servers run", running, 60_000)
    return { child, pids: pids ?? [] }
  }

  const ways: readonly (readonly [string, (file: string) => Program, (child: ChildProcess) => unknown])[] = [
    ["run --stdio, closed input", stdioProgram, (child) => child.stdin?.end()],
    ["run --stdio, SIGTERM", stdioProgram, (child) => child.kill("SIGTERM")],
    ["run, SIGINT", httpProgram, (child) => child.kill("SIGINT")],
    ["run, SIGKILL", httpProgram, (child) => child.kill("SIGKILL")],
  ]

  it("leaves no process behind, however it comes and however stubborn its servers are", async () => {
    await Promise.all(
      ways.map(async ([way, program, end]) => {
        const { child, pids } = await run(program)
        const exited = once(child, "exit")
        end(child)
        await exited
        expect(await until(way, () => pids.every((pid) => !isAlive(pid)))).toBe(true)
      }),
    )
  })

  /** A call that is under way when the signal comes. */
  async function inFlight(drain: string, ms: number) {
    const { file: pidsOf, pids } = await pidFile()
    const servers = { one: { mount: fixture("v1-stdio.mjs", { PID_FILE: pidsOf }) } }
    const { command, args, env } = httpProgram(await writeManifest({ servers, endpoint: { drain } }))
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] })
    closers.push(() => child.kill("SIGKILL"))
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8")
      })
    }
    const url = await until("the URL is printed", () => /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(output)?.[0])
    const client = await connectHttp(url ?? "", "v1")
    await client.list("tools/list", "tools")
    await until("the server is ready", () => client.call("one_echo", { text: "hi" }).catch(() => undefined))
    let progressed = false
    const onprogress = () => {
      progressed = true
    }
    const call = client.call("one_slow", { ms, steps: ms / 100 }, { onprogress }).catch((error: Json) => error)
    await until("the call is under way", () => progressed)
    const draining = async () => (await fetch(new URL("/readyz", url))).status === 503
    return { child, url: url ?? "", client, call, pids, exited: once(child, "exit"), draining }
  }

  it("lets calls in flight end first", async () => {
    const { child, url, client, call, pids, exited, draining } = await inFlight("20s", 3_000)
    const all = await pids()
    child.kill("SIGTERM")
    await until("it is draining", draining)
    await expect(connectHttp(url, "v1")).rejects.toMatchObject({
      code: 503,
      message: expect.stringContaining("-31007"),
    })
    await expect(client.call("one_echo", { text: "hi" })).rejects.toMatchObject({ code: -31007 })
    expect(await call).toMatchObject({ content: [{ text: "slept 3000" }] })
    expect(await exited).toEqual([0, null])
    await ended(all)
  })

  it("answers what is still in flight when the time to drain is over", async () => {
    const { child, call, pids, exited } = await inFlight("500ms", 60_000)
    const all = await pids()
    child.kill("SIGTERM")
    expect(await call).toMatchObject({ code: -31007, data: { sent: "maybe", retryable: true } })
    await exited
    await ended(all)
  })

  it("comes at once with a second signal", async () => {
    const { child, pids, exited, draining } = await inFlight("60s", 60_000)
    const all = await pids()
    child.kill("SIGINT")
    await until("the first is seen", draining)
    child.kill("SIGINT")
    await exited
    await ended(all)
  })
})
