/** `convert`, and client configurations given as manifests. */
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { cleanUp, cli, stdioServer, temporaryFolder } from "./support.ts"

afterEach(cleanUp)

function clientFile(entries: object): string {
  const cwd = temporaryFolder()
  writeFileSync(path.join(cwd, "mcp.json"), `// of a client\n${JSON.stringify({ mcpServers: entries })}`)
  return cwd
}

const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"

describe("convert", () => {
  it("prints the manifest on standard output and what to set on standard error", async () => {
    const cwd = clientFile({ git: { command: "git-server", env: { GIT_TOKEN: secret } } })
    const { code, stdout, stderr } = await cli(["convert", "mcp.json"], { cwd })
    expect(code).toBe(0)
    expect(stdout).toContain("GIT_TOKEN: ${GIT_TOKEN}")
    expect(stderr).toBe(
      "1 of 1 servers converted\nto set in the environment, or in .env beside the manifest:\n  GIT_TOKEN  its value is in mcp.json: mcpServers.git\n",
    )
    expect(stdout + stderr).not.toContain(secret)
  })

  it("writes a file that check accepts, and overwrites none without being told", async () => {
    const cwd = clientFile({ git: { command: "git-server", env: { GIT_TOKEN: secret } } })
    expect((await cli(["convert", "mcp.json", "-o", "mcp-host.yaml"], { cwd })).code).toBe(0)
    expect(await cli(["check"], { cwd, env: { GIT_TOKEN: "x" } })).toMatchObject({ code: 0 })
    expect((await cli(["check"], { cwd })).stdout).toContain("${GIT_TOKEN} names a variable")
    const file = path.join(cwd, "mcp-host.yaml")
    const before = readFileSync(file, "utf8")
    writeFileSync(path.join(cwd, "mcp.json"), '{"mcpServers": {"other": {"command": "x"}}}')
    const refused = await cli(["convert", "mcp.json", "-o", "mcp-host.yaml"], { cwd })
    expect(refused).toMatchObject({ code: 1, stdout: "" })
    expect(refused.stderr).toMatch(/^error FILE_EXISTS: mcp-host\.yaml exists already\nhelp: .*--force/)
    expect(readFileSync(file, "utf8")).toBe(before)
    expect((await cli(["convert", "mcp.json", "-o", "mcp-host.yaml", "--force"], { cwd })).code).toBe(0)
    expect(readFileSync(file, "utf8")).toContain("other:")
  })

  it.each([
    ["missing.json", "", /^error CONVERT_UNREADABLE: missing\.json does not exist/],
    ["a.json", "{", /^error CONVERT_UNREADABLE: a\.json is not valid JSON/],
    ["a.json", "{}", /^error CONVERT_NO_SERVERS: a\.json has none of the keys/],
  ])("%s with %j", async (name, text, message) => {
    const cwd = temporaryFolder()
    if (name !== "missing.json") writeFileSync(path.join(cwd, name), text)
    const { code, stdout, stderr } = await cli(["convert", name], { cwd })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(message)
  })
})

describe("a client's file as the manifest", () => {
  it("is served as it is, with a line that says how to convert it", async () => {
    const { mount } = stdioServer("v1-stdio.mjs") as { mount: object }
    const cwd = clientFile({ one: { ...mount, env: { SOME_TOKEN: secret } } })
    const { code, stdout, stderr } = await cli(["list", "tools", "--json", "-m", "mcp.json"], { cwd })
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout).tools.length).toBeGreaterThan(0)
    expect(stderr).toBe(
      "mcp.json is the configuration of a client. To make a manifest of it: mcp-host convert mcp.json -o mcp-host.yaml\n",
    )
  })

  it("a manifest written as JSON is still a manifest", async () => {
    const cwd = temporaryFolder()
    writeFileSync(path.join(cwd, "mcp-host.json"), '{"servers": {"a": {"mount": {"command": "x"}}}}')
    expect(await cli(["check", "mcp-host.json"], { cwd })).toMatchObject({ code: 0, stderr: "" })
  })
})
