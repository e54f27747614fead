/** `list --explain` and the layers of `inspect`: which lines of the manifest made what clients see. */
import path from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import { cleanUp, cli, project } from "./support.ts"

afterEach(cleanUp)

const fixture = path.join(fileURLToPath(new URL("../fixtures/", import.meta.url)), "packages/v2-mcp")
const manifest = `servers:
  one:
    mount: ${fixture}
    tags:
      exclude: [internal]
    tools:
      include: ["a*", echo, fail, boom]
      exclude: [ask*]
      override:
        echo:
          name: say
        add:
          hide: true
`

it("lists what is filtered out, by which line", async () => {
  const cwd = project(manifest)
  const { code, stdout } = await cli(["list", "tools", "--explain", "--json"], { cwd })
  expect(code).toBe(0)
  const { tools, hidden } = JSON.parse(stdout)
  expect(tools.map(({ name }: { name: string }) => name)).toEqual(["one_say", "one_addTool", "one_addResource"])
  const facts = hidden.map(({ original, rule, reason, line }: Record<string, unknown>) => [
    original,
    rule,
    reason,
    line,
  ])
  expect(facts).toEqual(
    expect.arrayContaining([
      ["add", "servers.one.tools.override.add.hide", "hidden by its override", 13],
      ["ask", "servers.one.tools.exclude[0]", '"ask*" matches it', 8],
      ["fail", "servers.one.tags.exclude[0]", 'it has the tag "internal"', 5],
      ["slow", "servers.one.tools.include", "no glob matches it", 7],
    ]),
  )
  expect(hidden[0]).toMatchObject({ kind: "tool", server: "one", file: path.join(cwd, "mcp-host.yaml") })
  const table = await cli(["list", "tools", "--explain"], { cwd })
  expect(table.stdout).toMatch(/^Hidden \(\d+\)\nKIND +ORIGINAL +SERVER +LINE +WHY$/m)
  expect(table.stdout).toMatch(/^tool +ask +one +mcp-host\.yaml:8 +servers\.one\.tools\.exclude\[0\]: /m)
  expect((await cli(["list", "--explain", "--url", "http://127.0.0.1:9/mcp"])).code).toBe(1)
})

it("shows a component through every layer", async () => {
  const cwd = project(`host: { nameBudget: 16 }\n${manifest.replace("name: say", "name: say_what_you_hear")}`)
  const { tools } = JSON.parse((await cli(["list", "tools", "--json"], { cwd })).stdout)
  const name = tools.find(({ original }: { original: string }) => original === "echo").name
  const { stdout } = await cli(["inspect", name, "--json"], { cwd })
  expect(JSON.parse(stdout)).toMatchObject({
    original: "echo",
    layers: [
      { layer: "server", from: "echo", to: "echo" },
      { layer: "filters", to: "echo", rules: [{ rule: "servers.one.tools.include[1]", line: 8 }] },
      { layer: "override", from: "echo", to: "say_what_you_hear", rule: "servers.one.tools.override.echo", line: 11 },
      { layer: "prefix", from: "say_what_you_hear", to: "one_say_what_you_hear" },
      { layer: "shortened", from: "one_say_what_you_hear", to: name },
    ],
  })
  expect((await cli(["inspect", name], { cwd })).stdout).toMatch(
    /^layers {4}server: echo → filters: echo \(line 8\) → override: say_what_you_hear \(line 11\) → prefix: /m,
  )
})

describe("manifests inside manifests", () => {
  const nested = (): string =>
    project(
      `servers:
  team:
    mount: { manifest: team/mcp-host.yaml }
    prefix: t
    tools:
      exclude: ["*_sample"]
      override:
        in_one_say: { name: tell }
`,
      {
        "team/mcp-host.yaml": `servers:
  in:
    mount: { manifest: deep.yaml }
    tags: { exclude: [gone], assign: { "*slow": [gone] } }
    tools:
      include: ["one_*"]
`,
        "team/deep.yaml": manifest,
      },
    )

  it("inspect shows every level, the innermost first, each rule with its file and line", async () => {
    const cwd = nested()
    const deep = path.join(cwd, "team/deep.yaml")
    const middle = path.join(cwd, "team/mcp-host.yaml")
    const outer = path.join(cwd, "mcp-host.yaml")
    const { stdout } = await cli(["inspect", "t_tell", "--json"], { cwd })
    expect(JSON.parse(stdout)).toMatchObject({ name: "t_tell", server: "team/in/one", original: "echo" })
    expect(JSON.parse(stdout).layers).toMatchObject([
      { layer: "server", server: "team/in/one", from: "echo", to: "echo" },
      {
        layer: "filters",
        server: "team/in/one",
        rules: [{ rule: "servers.one.tools.include[1]", file: deep, line: 7 }],
      },
      { layer: "override", from: "echo", to: "say", rule: "servers.one.tools.override.echo", file: deep, line: 10 },
      { layer: "prefix", from: "say", to: "one_say", rule: "servers.one", file: deep, line: 2 },
      {
        layer: "filters",
        server: "team/in",
        to: "one_say",
        rules: [{ rule: "servers.in.tools.include[0]", file: middle, line: 6 }],
      },
      { layer: "prefix", server: "team/in", from: "one_say", to: "in_one_say", file: middle, line: 2 },
      { layer: "filters", server: "team", to: "in_one_say", rules: [] },
      { layer: "override", server: "team", from: "in_one_say", to: "tell", file: outer, line: 8 },
      {
        layer: "prefix",
        server: "team",
        from: "tell",
        to: "t_tell",
        rule: "servers.team.prefix",
        file: outer,
        line: 4,
      },
    ])
    const [, , , , first, second, third] = (await cli(["inspect", "t_tell"], { cwd })).stdout.split("\n")
    expect([first, second, third]).toEqual([
      "layers    server: echo → filters: echo (team/deep.yaml:7) → override: say (team/deep.yaml:10) → prefix: one_say (team/deep.yaml:2)",
      "          team/in: filters: one_say (team/mcp-host.yaml:6) → prefix: in_one_say (team/mcp-host.yaml:2)",
      "          team: filters: in_one_say → override: tell (line 8) → prefix: t_tell (line 4)",
    ])
    expect((await cli(["inspect", "test://t/in/one/items/{id}", "--json"], { cwd })).stdout).toContain(
      '"test://items/{id}"',
    )
  })

  it("list --explain tells what each level hides, once", async () => {
    const cwd = nested()
    const { stdout } = await cli(["list", "tools", "--explain", "--json"], { cwd })
    const { tools, hidden } = JSON.parse(stdout)
    expect(tools).toContainEqual(expect.objectContaining({ name: "t_tell", server: "team/in/one", original: "echo" }))
    const row = (original: string): unknown[] =>
      hidden.flatMap((each: Record<string, unknown>) =>
        each["original"] === original
          ? [[each["server"], each["rule"], path.relative(cwd, String(each["file"])), each["line"]]]
          : [],
      )
    expect(row("fail")).toEqual([["team/in/one", "servers.one.tags.exclude[0]", "team/deep.yaml", 5]])
    expect(row("add")).toEqual([["team/in/one", "servers.one.tools.override.add.hide", "team/deep.yaml", 13]])
    expect(row("slow")).toEqual([["team/in/one", "servers.one.tools.include", "team/deep.yaml", 7]])
    const keys = hidden.map(({ server, original }: Record<string, unknown>) => `${server} ${original}`)
    expect(new Set(keys).size).toBe(keys.length)
  })
})

it("list --explain --profile tells what the profile hides", async () => {
  const cwd = project(`${manifest}profiles:
  p:
    tools: { exclude: [one_a*] }
    tags: { exclude: [public] }
    resources: { include: ["test://*"] }
`)
  const { hidden } = JSON.parse((await cli(["list", "--explain", "--profile", "p", "--json"], { cwd })).stdout)
  const facts = hidden
    .filter(({ rule }: { rule: string }) => rule.startsWith("profiles"))
    .map(({ original, rule, reason, line }: Record<string, unknown>) => [original, rule, reason, line])
  expect(facts).toEqual(
    expect.arrayContaining([
      ["addTool", "profiles.p.tools.exclude[0]", '"one_a*" matches it', 16],
      ["echo", "profiles.p.tags.exclude[0]", 'it has the tag "public"', 17],
      ["urn:isbn:123", "profiles.p.resources.include", "no glob matches it", 18],
    ]),
  )
})
