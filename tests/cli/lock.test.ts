/** `lock` and `diff`, and what a locked manifest reports. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { cleanUp, cli, project, stdioServer } from "./support.ts"

// Each test runs many commands, one after the other.
vi.setConfig({ testTimeout: 120_000 })
afterEach(cleanUp)

const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
const tool = (name: string, description = name) => ({ name, description, inputSchema: { type: "object" } })
const manifest = (tools: object[], security?: object) => ({
  ...(security !== undefined && { security }),
  servers: { one: { mount: raw, config: { bare: true, lists: { tools } } } },
})
const rewrite = (cwd: string, content: object): void =>
  writeFileSync(path.join(cwd, "mcp-host.yaml"), JSON.stringify(content))

describe("lock and diff", () => {
  it("say nothing while nothing changes, and exactly what does", async () => {
    const cwd = project(manifest([tool("a"), tool("b"), tool("c")]))
    expect(await cli(["diff"], { cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error LOCK_MISSING: /),
    })
    expect(await cli(["lock"], { cwd })).toMatchObject({ code: 0, stderr: "mcp-host.lock.yaml: 1 server locked\n" })
    const locked = readFileSync(path.join(cwd, "mcp-host.lock.yaml"), "utf8")
    rewrite(cwd, manifest([tool("c"), tool("b"), tool("a")]))
    expect(await cli(["diff"], { cwd })).toMatchObject({ code: 0, stdout: "no changes in 1 server\n", stderr: "" })

    rewrite(cwd, manifest([tool("a", "a\u202e and more"), tool("b"), tool("d")]))
    const { code, stdout, stderr } = await cli(["diff"], { cwd })
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" })
    expect(stdout).toBe(`one
  changed  tool a
    description
    - a
    + a\\u{202e} and more
  new      tool d
    + {
    +  "name": "d",
    +  "description": "d",
    +  "inputSchema": {
    +   "type": "object"
    +  }
    + }
  removed  tool c
    - {
    -  "name": "c",
    -  "description": "c",
    -  "inputSchema": {
    -   "type": "object"
    -  }
    - }
`)
    const json = JSON.parse((await cli(["diff", "one", "--json"], { cwd })).stdout)
    expect(json).toMatchObject({ changed: true, servers: [{ server: "one" }] })
    expect(json.servers[0].changes.map((each: { change: string; key: string }) => [each.change, each.key])).toEqual([
      ["changed", "a"],
      ["new", "d"],
      ["removed", "c"],
    ])

    // Without --update what is locked stays.
    const kept = await cli(["lock"], { cwd })
    expect(kept).toMatchObject({ code: 1, stderr: expect.stringContaining("mcp-host lock --update one") })
    expect(readFileSync(path.join(cwd, "mcp-host.lock.yaml"), "utf8")).toBe(locked)
    expect((await cli(["lock", "--update"], { cwd })).code).toBe(0)
    expect((await cli(["diff"], { cwd })).code).toBe(0)
  })

  it("tell of servers that are not there, and know those of the manifest", async () => {
    const cwd = project({ servers: { ...manifest([tool("a")]).servers, gone: stdioServer("exit.mjs") } })
    const locked = await cli(["lock"], { cwd })
    expect(locked).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("gone is not ready, so it was not locked anew"),
    })
    expect((await cli(["diff"], { cwd })).code).toBe(2)
    expect((await cli(["diff", "one"], { cwd })).code).toBe(0)
    expect(await cli(["diff", "two"], { cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no server "two"'),
    })
  })
})

describe("a manifest with a lock", () => {
  it("hides with enforce what is not as it was locked, and check says so", async () => {
    const enforce = { lock: "enforce" }
    const cwd = project(manifest([tool("a"), tool("b")], enforce))
    expect((await cli(["check"], { cwd })).stdout).toMatch(/there is no mcp-host\.lock\.yaml/)
    expect((await cli(["lock"], { cwd })).code).toBe(0)
    expect(existsSync(path.join(cwd, "mcp-host.lock.yaml"))).toBe(true)
    expect((await cli(["check", "--connect"], { cwd })).code).toBe(0)

    rewrite(cwd, manifest([tool("a", "changed"), tool("b")], enforce))
    const listed = JSON.parse((await cli(["list", "--json"], { cwd })).stdout)
    expect(listed.tools.map(({ name }: { name: string }) => name)).toEqual(["one_b"])
    expect(listed.servers[0]).toMatchObject({ counts: { tools: 1 }, changed: 1 })
    const checked = await cli(["check", "--connect", "--json"], { cwd })
    expect(checked.code).toBe(2)
    expect(JSON.parse(checked.stdout).problems).toMatchObject([{ severity: "error", code: "LOCK_CHANGED" }])
    expect((await cli(["call", "one_a"], { cwd })).stderr).toContain("COMPONENT_UNKNOWN")

    rewrite(cwd, manifest([tool("a", "changed"), tool("b")]))
    const warned = await cli(["list", "tools", "--log-level", "warn"], { cwd })
    expect(warned.stdout).toContain("one_a")
    expect(warned.stderr.match(/the tool a differs from the lock; see mcp-host diff one/g)).toHaveLength(1)
    expect((await cli(["check", "--connect"], { cwd })).code).toBe(0)
  })
})
