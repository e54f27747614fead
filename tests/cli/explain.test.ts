/** `list --explain` and the layers of `inspect`: which lines of the manifest made what clients see. */
import path from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, expect, it } from "vitest"
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
