import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, describe, expect, it } from "vitest"
import { isAlive } from "../fixtures/processes.ts"
import { closeAll, connect, outputOf, SHOW_ARGV, script, textOf } from "./shellHarness.ts"

afterEach(closeAll)

async function waitForFile(file: string): Promise<string> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    if (existsSync(file)) {
      const text = readFileSync(file, "utf8")
      if (text !== "") return text
    }
    await delay(20)
  }
  throw new Error(`${file} was never written`)
}

/** Starts a grandchild, writes both pids to `pids` in its folder, then stays. */
const FAMILY = `
const { spawn } = require("node:child_process")
const stay = 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)'
const grandchild = spawn(process.execPath, ["-e", stay], { stdio: ["ignore", "pipe", "inherit"] })
grandchild.stdout.once("data", () => {
  require("node:fs").writeFileSync("pids.tmp", JSON.stringify([process.pid, grandchild.pid]))
  require("node:fs").renameSync("pids.tmp", "pids")
})
setInterval(() => {}, 1000)
`

describe("shell: what is refused", () => {
  const word = { name: "word", description: "A word", pattern: "[\\w.; $()\\-]*" }
  const strict = { name: "word", description: "A word", pattern: "[a-z]+" }

  it.each([
    ["a command separator", "x; rm -rf /"],
    ["a substitution", "$(touch pwned)"],
    ["a backtick", "`id`"],
    ["a line feed", "abc\nrm"],
    ["a trailing line feed", "abc\n"],
    ["a pipe", "abc|sh"],
    ["an empty value", ""],
    ["an option", "-rf"],
  ])("refuses %s that the pattern does not allow", async (_label, value) => {
    const { call } = await connect({ commands: { say: script(SHOW_ARGV, { args: [strict] }) } })
    const result = await call("say", { word: value })
    expect(result.isError).toBe(true)
    expect(result.structuredContent).toBeUndefined()
    expect(textOf(result)).toContain("word")
  })

  it("passes shell characters as plain text where the pattern allows them", async () => {
    const { call, test } = await connect({ commands: { say: script(SHOW_ARGV, { args: [word] }) } })
    for (const value of ["x; touch pwned", "$(touch pwned)", "a b  c"]) {
      expect(outputOf(await call("say", { word: value }))["stdout"]).toBe(`${JSON.stringify([value])}\n`)
    }
    expect(existsSync(path.join(test.context.directory, "pwned"))).toBe(false)
  })

  it("refuses a leading dash unless the pattern itself begins with one", async () => {
    const flag = { name: "flag", description: "A flag", pattern: "(?:--all|--none)", optional: true }
    const { call } = await connect({
      commands: { say: script(SHOW_ARGV, { args: [{ ...word, optional: true }, flag] }) },
    })
    const refused = await call("say", { word: "--force" })
    expect(refused.isError).toBe(true)
    expect(textOf(refused)).toContain("must not start with -")
    expect(outputOf(await call("say", { flag: "--all" }))["stdout"]).toBe('["--all"]\n')
    expect((await call("say", { flag: "--some" })).isError).toBe(true)
  })

  it("refuses values that are too long, NUL characters, wrong types and unknown arguments", async () => {
    const { call } = await connect({
      commands: { say: script(SHOW_ARGV, { args: [{ name: "word", description: "A word", pattern: "[^;]*" }] }) },
    })
    expect(textOf(await call("say", { word: "a".repeat(1001) }))).toContain("at most 1000 characters")
    expect(textOf(await call("say", { word: "a\0b" }))).toContain("NUL")
    expect((await call("say", { word: 5 })).isError).toBe(true)
    expect((await call("say", { word: "a", other: "b" })).isError).toBe(true)
    expect((await call("say")).isError).toBe(true)
    expect((await call("say", { word: "a".repeat(1000) })).isError).toBeUndefined()
  })

  it("anchors alternatives as a whole", async () => {
    const choice = { name: "word", description: "A choice", pattern: "start|stop" }
    const { call } = await connect({ commands: { say: script(SHOW_ARGV, { args: [choice] }) } })
    expect((await call("say", { word: "start; rm" })).isError).toBe(true)
    expect((await call("say", { word: "nonstop" })).isError).toBe(true)
    expect((await call("say", { word: "stop" })).isError).toBeUndefined()
  })

  it("stops a pattern that backtracks without end", async () => {
    const evil = { name: "word", description: "A word", pattern: "(a+)+b" }
    const { call } = await connect({ commands: { say: script(SHOW_ARGV, { args: [evil] }) } })
    expect((await call("say", { word: "a".repeat(1000) })).isError).toBe(true)
    expect((await call("say", { word: "aab" })).isError).toBeUndefined()
  })

  it("does not know a command that is not allowed", async () => {
    const { call } = await connect({ commands: { say: script("0") } })
    await expect(call("rm")).rejects.toThrow(/rm/)
  })
})

describe("shell: limits", () => {
  it("cuts output at the limit, lets the program finish and says so", async () => {
    const { call } = await connect({
      commands: { flood: script('process.stdout.write("x".repeat(5e6)); process.stderr.write("e".repeat(10))') },
      maxOutput: 1000,
    })
    const result = await call("flood")
    const output = outputOf(result)
    expect(output).toMatchObject({ exitCode: 0, truncated: true })
    expect(String(output["stdout"]).length + String(output["stderr"]).length).toBe(1000)
    expect(textOf(result)).toContain("Output over 1000 bytes was dropped")
  })

  it("never cuts a character in half", async () => {
    const { call } = await connect({
      commands: { flood: script('process.stdout.write("é".repeat(100))', { maxOutput: 51 }) },
    })
    expect(outputOf(await call("flood"))["stdout"]).toBe("é".repeat(25))
  })

  it("kills the whole tree on timeout, even one that ignores SIGTERM", async () => {
    const { call, test } = await connect({ commands: { family: script(FAMILY, { timeout: "8s" }) } })
    const pending = call("family")
    const pids: number[] = JSON.parse(await waitForFile(path.join(test.context.directory, "pids")))
    expect(pids.map(isAlive)).toEqual([true, true])
    const result = await pending
    expect(result.isError).toBe(true)
    expect(outputOf(result)).toMatchObject({ timedOut: true, exitCode: null, signal: "SIGTERM" })
    expect(textOf(result)).toContain("its time limit is 8000 ms")
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false])
  })

  it("kills what a finished program left in the background", async () => {
    const code = FAMILY.replace("setInterval(() => {}, 1000)\n", "").replace(
      'renameSync("pids.tmp", "pids")',
      'renameSync("pids.tmp", "pids"); process.exit(0)',
    )
    const { call, test } = await connect({ commands: { family: script(code) } })
    expect(outputOf(await call("family"))).toMatchObject({ exitCode: 0, timedOut: false })
    const pids: number[] = JSON.parse(readFileSync(path.join(test.context.directory, "pids"), "utf8"))
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false])
  })

  it("kills the tree when the call is cancelled", async () => {
    const { client, test } = await connect({ commands: { family: script(FAMILY) } })
    const controller = new AbortController()
    const call = client.callTool({ name: "family", arguments: {} }, { signal: controller.signal })
    const pids: number[] = JSON.parse(await waitForFile(path.join(test.context.directory, "pids")))
    controller.abort("stop")
    await expect(call).rejects.toThrow()
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false])
  })

  it("kills everything, and waits for it, when the host closes the server", async () => {
    const { call, test } = await connect({ commands: { family: script(FAMILY) } })
    const pending = call("family").catch(() => undefined)
    const pids: number[] = JSON.parse(await waitForFile(path.join(test.context.directory, "pids")))
    await test.close()
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false])
    await pending
    expect(textOf(await call("family"))).toContain("was cancelled and did not run")
  })
})
