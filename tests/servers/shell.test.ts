import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import createShellServer from "../../servers/shell/src/index.ts"
import type { JsonObject } from "../../src/protocol/json.ts"
import { createTestContext } from "./context.ts"
import { closeAll, closers, connect, outputOf, SHOW_ARGV, script, textOf } from "./shellHarness.ts"

const NODE = process.execPath

afterEach(closeAll)

describe("shell: what is listed", () => {
  it("makes a tool of each command, described and tagged", async () => {
    const { client } = await connect({
      commands: {
        greet: script(SHOW_ARGV, {
          title: "Greet",
          description: "Greets somebody",
          tags: ["write"],
          args: ["--name", { name: "who", description: "Whom to greet", pattern: "[a-z]+" }],
        }),
      },
    })
    const { tools } = await client.listTools()
    expect(tools.map((tool) => tool.name)).toEqual(["list_commands", "greet"])
    const greet = tools[1]!
    expect(greet).toMatchObject({
      title: "Greet",
      description: "Greets somebody",
      annotations: { readOnlyHint: false, destructiveHint: true },
      _meta: { tags: ["shell", "write"] },
      inputSchema: {
        type: "object",
        required: ["who"],
        additionalProperties: false,
        properties: { who: { type: "string", maxLength: 1000, pattern: "^(?:[a-z]+)$", description: "Whom to greet" } },
      },
    })
    expect(greet.icons?.[0]?.src).toMatch(/^data:image\/svg\+xml/)
    expect(greet.outputSchema?.["required"]).toContain("exitCode")
    expect(tools.every((tool) => tool.title && tool.description)).toBe(true)
  })

  it("lists what is allowed, without fixed environment values", async () => {
    const { call } = await connect({
      commands: {
        greet: script(SHOW_ARGV, {
          env: { TOKEN: "hidden-value" },
          args: [{ name: "who", description: "Whom", pattern: "[a-z]+", optional: true }],
        }),
      },
      timeout: "5s",
      maxOutput: "1KiB",
    })
    const result = await call("list_commands")
    expect(outputOf(result)).toMatchObject({
      commands: [
        { name: "greet", timeoutMs: 5000, maxOutputBytes: 1024, arguments: [{ name: "who", required: false }] },
      ],
    })
    expect(JSON.stringify(result)).not.toContain("hidden-value")
  })
})

describe("shell: running", () => {
  it("answers output, exit code and duration", async () => {
    const { call } = await connect({ commands: { say: script('console.log("out"); console.error("err")') } })
    const result = await call("say")
    expect(result.isError).toBeUndefined()
    expect(outputOf(result)).toMatchObject({
      exitCode: 0,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
      truncated: false,
      timedOut: false,
    })
    expect(textOf(result)).toMatch(/^out\n\[stderr\]\nerr\n\[Exit code 0 after \d+ ms\.\]$/)
  })

  it("makes a non-zero exit code a tool error that keeps the output", async () => {
    const { call } = await connect({ commands: { fail: script('console.log("half done"); process.exit(3)') } })
    const result = await call("fail")
    expect(result.isError).toBe(true)
    expect(outputOf(result)).toMatchObject({ exitCode: 3, stdout: "half done\n" })
    expect(textOf(result)).toContain("Exit code 3")
  })

  it("fills defaults and drops absent optional arguments", async () => {
    const { call } = await connect({
      commands: {
        show: script(SHOW_ARGV, {
          args: [
            { name: "a", description: "a", pattern: "\\d+", default: "7" },
            { name: "b", description: "b", pattern: "\\d+", optional: true },
            "end",
          ],
        }),
      },
    })
    expect(outputOf(await call("show"))["stdout"]).toBe('["7","end"]\n')
    expect(outputOf(await call("show", { a: "1", b: "2" }))["stdout"]).toBe('["1","2","end"]\n')
  })

  it("runs in the given folder, relative to the manifest", async () => {
    const { call, test } = await connect({ commands: { where: script("console.log(process.cwd())") } })
    expect(outputOf(await call("where"))["stdout"]).toBe(`${test.context.directory}\n`)
  })

  it("gives the program only the context's and the command's environment", async () => {
    process.env["SHELL_TEST_CANARY"] = "leaked"
    try {
      const { call } = await connect(
        { commands: { env: script("console.log(JSON.stringify(process.env))", { env: { MODE: "test" } }) } },
        { PATH: "/usr/bin:/bin" },
      )
      const env = JSON.parse(String(outputOf(await call("env"))["stdout"]))
      expect(env).toEqual({ PATH: "/usr/bin:/bin", MODE: "test" })
    } finally {
      delete process.env["SHELL_TEST_CANARY"]
    }
  })

  it("finds a program by name in the context's PATH only", async () => {
    const commands = { tool: { run: path.basename(NODE), description: "Node", args: ["-e", "console.log(1)"] } }
    const found = await connect({ commands }, { PATH: path.dirname(NODE) })
    expect(outputOf(await found.call("tool"))["stdout"]).toBe("1\n")
    const missing = await connect({ commands }, { PATH: "/nonexistent" })
    const result = await missing.call("tool")
    expect(result.isError).toBe(true)
    expect(textOf(result)).toContain("its program was not found")
    expect(textOf(result)).toContain("commands.tool.run")
  })

  it("names a missing working folder", async () => {
    const { call } = await connect({ commands: { here: script("0", { cwd: "missing" }) } })
    const result = await call("here")
    expect(result.isError).toBe(true)
    expect(textOf(result)).toContain("commands.here.cwd")
    expect(textOf(result)).not.toContain("    at ")
  })

  it("tells each line as progress, in order and before the result", async () => {
    const { client } = await connect({
      commands: { lines: script('console.log("one\\ntwo"); console.log("three"); process.stdout.write("tail")') },
    })
    const seen: Array<[number, string | undefined]> = []
    await client.callTool(
      { name: "lines", arguments: {} },
      { onprogress: ({ progress, message }) => seen.push([progress, message]) },
    )
    expect(seen).toEqual([
      [1, "one"],
      [2, "two"],
      [3, "three"],
      [4, "tail"],
    ])
  })
})

describe("shell: config", () => {
  const arg = { name: "a", description: "a", pattern: "x" }
  it.each<[string, JsonObject, string]>([
    ["no commands", {}, "config.commands: expected a mapping"],
    ["an unknown key", { commands: {}, timout: 5 }, "timout"],
    ["an unknown command key", { commands: { a: script("0", { shell: true }) } }, "config.commands.a"],
    ["no description", { commands: { a: { run: "x" } } }, "config.commands.a.description"],
    ["a bad tool name", { commands: { "a b": script("0") } }, "config.commands.a b"],
    ["the reserved name", { commands: { list_commands: script("0") } }, "config.commands.list_commands"],
    ["a bad duration", { commands: { a: script("0", { timeout: "soon" }) } }, "config.commands.a.timeout: expected a"],
    ["a bad size", { commands: {}, maxOutput: "1GB" }, "config.maxOutput: expected a number of bytes"],
    [
      "a bad pattern",
      { commands: { a: { run: "x", description: "x", args: [{ ...arg, pattern: "(" }] } } },
      'config.commands.a.args[0].pattern: "(" is not a regular expression',
    ],
    [
      "a pattern that would leave its anchors",
      { commands: { a: { run: "x", description: "x", args: [{ ...arg, pattern: "a)|(?:b" }] } } },
      ".pattern",
    ],
    [
      "a default that the pattern refuses",
      { commands: { a: { run: "x", description: "x", args: [{ ...arg, default: "y" }] } } },
      ".default: does not match",
    ],
    [
      "a name given twice",
      { commands: { a: { run: "x", description: "x", args: [arg, arg] } } },
      "config.commands.a.args[1].name: a is given twice",
    ],
  ])("refuses %s, naming the key", async (_label, config, expected) => {
    const test = await createTestContext(config)
    closers.push(test.close)
    expect(() => createShellServer(test.context)).toThrow(expected)
  })
})
