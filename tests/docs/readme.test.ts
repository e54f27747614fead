import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cloneWith, codeBlocks, fileIn, pageOf, pages, root } from "./support.ts"

const { text } = pageOf("README.md")
const main = path.join(root, "dist/cli/main.js")
const packageJson = JSON.parse(pageOf("package.json").text)

describe("the first screen", () => {
  const screen = text.split("\n").slice(0, 20).join("\n")

  it("has the two commands", () => {
    expect(screen).toMatch(/^npm ci && npm start\b/m)
    expect(screen).toMatch(/^npm ci && npm test\b/m)
    expect(Object.keys(packageJson.scripts)).toEqual(expect.arrayContaining(["start", "test", "prepare"]))
  })

  it("names the version of Node.js that package.json asks for", () => {
    expect(screen).toContain(`Node.js ${packageJson.engines.node.replace(">=", "")} or later`)
  })
})

describe("client entries", () => {
  const entries = codeBlocks(text)
    .filter(({ language }) => language === "json")
    .map(({ code }) => JSON.parse(code).mcpServers.workbench)

  it("are one URL and one command", () => {
    expect(entries).toEqual([
      { type: "http", url: "http://127.0.0.1:8300/mcp" },
      { command: "npx", args: ["mcp-host", "run", "--stdio", "/path/mcp-host.yaml"] },
    ])
  })

  it("name the program that package.json installs", () => {
    expect(packageJson.bin["mcp-host"]).toBe("./dist/cli/main.js")
    expect(text).toContain("/path/dist/cli/main.js")
    expect(existsSync(path.join(root, "src/cli/main.ts"))).toBe(true)
  })
})

interface Step {
  readonly command: string
  readonly output: string
}

describe("what the console shows", () => {
  let clone: ReturnType<typeof cloneWith>

  beforeAll(() => {
    clone = cloneWith({
      "mcp-host.yaml": pageOf("mcp-host.yaml").text,
      "broken.yaml": fileIn(text, "broken.yaml"),
      "hello.ts": fileIn(text, "hello.ts"),
      "hello.yaml": fileIn(text, "hello.yaml"),
    })
  })
  afterAll(() => clone.remove())

  it.each(steps())("$command", async ({ command, output }) => {
    expect(await run(command, clone.folder)).toMatch(toPattern(output))
  })
})

describe("commands", () => {
  const known = new Set(
    [...spawnSync("node", [main, "--help"], { encoding: "utf8" }).stdout.matchAll(/^ {2}(\w+) \[?/gm)].map(
      ([, verb]) => verb,
    ),
  )

  it.each(pages)("$file mentions only those there are", ({ text: page }) => {
    const mentioned = [...page.matchAll(/(?:^\$ |`|npx )mcp-host (?!`)([a-z]+)/gm)].map(([, verb = ""]) => verb)
    expect(mentioned.filter((verb) => !known.has(verb))).toEqual([])
  })

  it("are all in the table", () => {
    for (const verb of known) if (verb !== undefined) expect(text).toContain(`| \`mcp-host ${verb}`)
  })
})

function steps(): Step[] {
  const consoles = codeBlocks(text).filter(({ language }) => language === "console")
  return consoles.flatMap(({ code }) =>
    code
      .split(/^\$ /m)
      .filter((part) => part !== "")
      .map((part) => {
        const end = part.indexOf("\n")
        return { command: part.slice(0, end), output: part.slice(end + 1).trimEnd() }
      }),
  )
}

/** Runs a command of the tour; what it writes to standard error comes first. A server is ended once it has started. */
async function run(command: string, folder: string): Promise<string> {
  const serves = command.endsWith(" run")
  const line = command.replace(/^npx mcp-host/, `exec "${process.execPath}" "${main}"`)
  const child = spawn("sh", ["-c", serves ? `${line} --port 0` : line], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let shown = ""
  let result = ""
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    shown += chunk
    // The client entry is the last thing it says.
    if (serves && /^}$/m.test(shown)) child.kill("SIGINT")
  })
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    result += chunk
  })
  await once(child, "close")
  return `${shown}${result}`.replace(/(?<=127\.0\.0\.1:)\d+/g, "8300")
}

/** A line with an ellipsis alone stands for any lines, or none. */
function toPattern(output: string): RegExp {
  const lines = output.split("\n").map((line) => (line === "…" ? "(?:.*\\n)*" : `${escaped(line)} *\\n`))
  return new RegExp(`^${lines.join("")}\\n*$`)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
}
