/** `diff --url`: what a running endpoint shows, against what is locked of its servers. */
import { writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { closeAll, closers } from "../fixtures/harness.ts"
import { startHttpFixture } from "../fixtures/servers/http.mjs"
import { cleanUp, cli, packageServer, project, served, startHttp, stdioServer } from "./support.ts"

// Each test runs many commands, one after the other.
vi.setConfig({ testTimeout: 120_000 })
afterEach(async () => {
  await closeAll()
  cleanUp()
})

const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
const tool = (name: string, description = name, more: object = {}) => ({
  ...{ name, description, inputSchema: { type: "object", properties: { a: { type: "string" } } } },
  ...more,
})
const listing = (tools: object[], more: object = {}) => ({
  mount: raw,
  config: { bare: true, lists: { tools }, ...more },
})

/** Names, arguments, URIs and filters of every kind, so that nothing is shown as it is locked. */
const servers = (tools: object[]): object => ({
  one: {
    ...listing(tools),
    prefix: "first",
    tools: { exclude: ["c*"], override: { a: { name: "alpha", args: { a: { name: "b", default: "x" } } } } },
  },
  legacy: stdioServer("v1-stdio.mjs", {}, { uris: "protocol", tags: { exclude: ["math"] } }),
  modern: packageServer("v2-mcp", { prefix: "", resources: { exclude: ["https:*"] } }),
  team: { mount: { manifest: "./team.yaml" }, tools: { exclude: ["*_hidden"] } },
})
const team = (tools: object[]): string =>
  JSON.stringify({ servers: { x: { ...listing(tools), tags: { assign: { hush: ["quiet"] } } } } })
const profiles = { few: { servers: ["one", "team"], tools: { exclude: ["*_b"] } } }
const write = (cwd: string, name: string, content: object | string): void =>
  writeFileSync(path.join(cwd, name), typeof content === "string" ? content : JSON.stringify(content))
const plain = [tool("a"), tool("b"), tool("cut"), tool("task", "t", { execution: { taskSupport: "optional" } })]
const inside = [tool("i"), tool("hidden"), tool("hush")]
const changes = (stdout: string): unknown[] =>
  JSON.parse(stdout).servers.flatMap(
    ({ server, changes: all }: { server: string; changes: Record<string, string>[] }) =>
      all.map(({ change, kind, key }) => `${server}: ${change} ${kind} ${key}`),
  )

describe("diff --url", () => {
  it("finds no change where there is none, whatever the manifest makes of it, and exactly what there is", async () => {
    const cwd = project(served(servers(plain), { profiles, host: { collisions: "first" } }), {
      "team.yaml": team(inside),
    })
    expect((await cli(["lock"], { cwd })).code).toBe(0)
    const { url, shows } = await startHttp(cwd)
    const diff = (...args: string[]) => cli(["diff", "--url", url, ...args], { cwd })
    expect(await diff()).toMatchObject({ code: 0, stdout: "no changes in 4 servers\n", stderr: "" })
    expect(await diff("one", "--profile", "few")).toMatchObject({ code: 0, stdout: "no changes in 1 server\n" })

    // The servers offer something else now than what was locked.
    write(
      cwd,
      "mcp-host.yaml",
      served(servers([tool("a", "changed"), tool("b"), tool("cut", "unseen"), tool("fresh")]), {
        profiles,
        host: { collisions: "first" },
      }),
    )
    write(cwd, "team.yaml", team([tool("i"), tool("hidden", "unseen"), tool("hush"), tool("more")]))
    await shows(/the manifest is applied/)
    await shows(/the tool x_more of team is not in the lock|the tool x_more is not in the lock/)
    const found = await diff("--json")
    expect(found).toMatchObject({ code: 1, stderr: "" })
    expect(changes(found.stdout)).toEqual([
      "one: changed tool first_alpha",
      "one: new tool first_fresh",
      "one: removed tool first_task",
      "team: new tool team_x_more",
    ])
    const few = await diff("--profile", "few", "--json")
    expect(changes(few.stdout)).toEqual(changes(found.stdout))
    expect((await diff("one")).stdout).toMatch(
      /^one\n {2}changed {2}tool first_alpha\n {4}description\n {4}- a\n {4}\+ changed\n/,
    )
    expect((await diff("legacy")).code).toBe(0)
  })

  it("compares nothing that the lock cannot tell, and says why", async () => {
    const manifest = served({
      one: listing(plain),
      team: { mount: { manifest: "./team.yaml" }, tags: { exclude: ["quiet"] } },
      gone: stdioServer("exit.mjs"),
    })
    const cwd = project(manifest, { "team.yaml": team(inside) })
    expect((await cli(["lock"], { cwd })).code).toBe(2)
    const { url } = await startHttp(cwd)
    const { code, stdout, stderr } = await cli(["diff", "--url", url], { cwd })
    expect({ code, stdout }).toEqual({ code: 2, stdout: "no changes in 1 server\n" })
    expect(stderr).toMatch(/^warning: team was not compared: it is filtered by tags, and the lock does not hold those/m)
    expect(stderr).toMatch(/^warning: gone was not compared: /m)
    expect((await cli(["diff", "one", "--url", url], { cwd })).code).toBe(0)
  })

  it("refuses what is no endpoint, and shows all of one that has nothing to do with the manifest", async () => {
    const cwd = project(served({ one: listing(plain) }))
    expect((await cli(["lock"], { cwd })).code).toBe(0)
    expect(await cli(["diff", "--url", "nonsense"], { cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error USAGE: /),
    })
    expect(await cli(["diff", "--url", "http://127.0.0.1:9/mcp"], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/error SERVER_UNAVAILABLE: /),
    })
    const other = await startHttpFixture("both")
    closers.push(() => other.close())
    const { code, stdout, stderr } = await cli(["diff", "--url", other.url, "--json"], { cwd })
    expect(code).toBe(1)
    expect(stderr).toContain("tells no servers: this is no endpoint of mcp-host")
    expect(changes(stdout)).toEqual(
      expect.arrayContaining(["one: removed tool one_a", "(no server of the manifest): new tool echo"]),
    )
  })
})
