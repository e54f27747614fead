/** `--profile`: every verb sees what the profile shows. */
import { afterEach, describe, expect, it } from "vitest"
import { cleanUp, cli, packageServer, project, served } from "./support.ts"

afterEach(() => cleanUp())

const bench = (): string =>
  project({
    ...served({ low: packageServer("v1-low"), other: packageServer("v1-low") }),
    profiles: { one: { servers: ["low"], tools: { exclude: ["low_echo"] } }, two: {} },
  })

describe("--profile", () => {
  it("lists what the profile shows", async () => {
    const { code, stdout, stderr } = await cli(["list", "--profile", "one", "--json"], { cwd: bench() })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const { tools, resources, servers } = JSON.parse(stdout)
    expect(tools).toEqual([])
    expect(resources).toMatchObject([{ uri: "low://low/note", server: "low" }])
    expect(servers.map(({ name }: { name: string }) => name)).toEqual(["low"])
  })

  it.each([
    ["call", ["low_echo", "text=hi"]],
    ["inspect", ["other_echo"]],
    ["read", ["low://other/note"]],
  ])("%s finds nothing of what it hides", async (verb, args) => {
    const cwd = bench()
    const hidden = await cli([verb, ...args, "--profile", "one"], { cwd })
    expect({ code: hidden.code, stdout: hidden.stdout }).toEqual({ code: 1, stdout: "" })
    expect(hidden.stderr).toMatch(/error COMPONENT_UNKNOWN/)
    expect((await cli([verb, ...args, "--profile", "two"], { cwd })).code).toBe(0)
  })

  it.each([["run"], ["run", "--stdio"], ["list"], ["call", "x"], ["read", "x:y"], ["prompt", "x"], ["inspect", "x"]])(
    "%s %s with an unknown one names those there are",
    async (...args) => {
      const { code, stdout, stderr } = await cli([...args.filter(Boolean), "--profile", "ome"], { cwd: bench() })
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
      expect(stderr).toMatch(
        /^error PROFILE_UNKNOWN: The manifest has no profile "ome"; there are one, two\nhelp: Did you/,
      )
    },
  )
})
