/** What each client's configuration becomes. */
import { mkdirSync } from "node:fs"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { cleanUp, converted, loaded, serversOf, temporaryFolder } from "./support.ts"

afterEach(cleanUp)

describe("clients", () => {
  it("Claude Desktop: programs with a secret environment", async () => {
    const token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    const result = await converted({
      "claude_desktop_config.json": {
        globalShortcut: "Ctrl+Space",
        mcpServers: {
          github: {
            command: "npx",
            args: ["-y", "server-github"],
            env: { GITHUB_PERSONAL_ACCESS_TOKEN: token, LOG: "debug" },
          },
        },
      },
    })
    expect(parse(result.text).servers).toEqual({
      github: {
        mount: {
          command: "npx",
          args: ["-y", "server-github"],
          env: { GITHUB_PERSONAL_ACCESS_TOKEN: "${GITHUB_PERSONAL_ACCESS_TOKEN}", LOG: "debug" },
        },
      },
    })
    expect(result.text).not.toContain(token)
    expect(result.text).toContain(
      "#   GITHUB_PERSONAL_ACCESS_TOKEN\n#     its value is in claude_desktop_config.json: mcpServers.github\n",
    )
    expect(result.text).toContain("left out: globalShortcut")
  })

  it("Claude Code: types, defaults, and the projects of the user's file", async () => {
    const { text } = await converted({
      ".claude.json": {
        mcpServers: {
          docs: {
            type: "http",
            url: "https://docs.example.com/mcp",
            headers: { Authorization: "Bearer ${DOCS:-none}" },
          },
          old: { type: "sse", url: "https://old.example.com/sse", headersHelper: "get-headers" },
        },
        projects: { "/home/ada/site": { mcpServers: { local: { type: "stdio", command: "${BIN}/serve" } } } },
      },
    })
    expect(parse(text).servers).toEqual({
      docs: {
        mount: {
          url: "https://docs.example.com/mcp",
          transport: "http",
          headers: { Authorization: "Bearer ${DOCS:-none}" },
        },
      },
      old: { mount: { url: "https://old.example.com/sse", transport: "sse" } },
      local: { mount: { command: "${BIN}/serve" } },
    })
    expect(text).toContain("note: headersHelper was left out")
  })

  it("Cursor and Windsurf: references of the editor", async () => {
    const entry = { command: "${userHome}/bin/x", env: { A: "${env:ALPHA}", B: "${file:~/secret.txt}" } }
    expect(await serversOf({ x: entry, y: { serverUrl: "https://y.example.com/${env:TEAM}" } })).toEqual({
      x: { mount: { command: "${HOME}/bin/x", env: { A: "${ALPHA}", B: "${file:${HOME}/secret.txt}" } } },
      y: { mount: { url: "https://y.example.com/${TEAM}" } },
    })
  })

  it("VS Code: servers, inputs, and the folder of the workspace", async () => {
    const folder = temporaryFolder()
    mkdirSync(path.join(folder, ".vscode"))
    const config = {
      inputs: [
        { type: "promptString", id: "api-key", description: "The key", password: true },
        { type: "pickString", id: "region", options: ["eu", "us"], default: "eu" },
      ],
      servers: {
        one: {
          type: "stdio",
          command: "node",
          args: ["${workspaceFolder}/one.js", "${input:region}"],
          env: { KEY: "${input:api-key}" },
          envFile: "${workspaceFolder}/.env",
        },
        two: { type: "http", url: "https://two.example.com/mcp", headers: { "X-Key": "${input:api-key}" } },
        three: { type: "http", url: "unix:///tmp/three.sock" },
      },
    }
    const result = await converted({ ".vscode/mcp.json": config }, folder)
    expect(parse(result.text).servers).toEqual({
      one: {
        mount: {
          command: "node",
          args: [`\${WORKSPACE_FOLDER:-${folder}}/one.js`, "${REGION:-eu}"],
          env: { KEY: "${API_KEY}" },
        },
      },
      two: { mount: { url: "https://two.example.com/mcp", headers: { "X-Key": "${API_KEY}" } } },
    })
    expect(result.variables).toEqual([
      {
        name: "API_KEY",
        isSecret: false,
        description: "The key",
        from: [".vscode/mcp.json: servers.one", ".vscode/mcp.json: servers.two"],
      },
    ])
    expect(result.text).toMatch(/# left out: its URL is not of http or https\n {2}# three:\n {2}# {3}mount:/)
    expect(result.text).toContain("note: envFile was left out")
    expect((await loaded(result, folder)).servers.map(({ key }) => key)).toEqual(["one", "two"])
  })

  it("VS Code: programs run in the workspace, wherever the manifest is", async () => {
    const folder = temporaryFolder()
    mkdirSync(path.join(folder, "app/.vscode"), { recursive: true })
    const { text } = await converted({ "app/.vscode/mcp.json": { servers: { a: { command: "a" } } } }, folder)
    expect(parse(text).servers.a.mount).toEqual({ command: "a", cwd: "./app" })
  })

  it("Zed: custom servers, the older form, and extensions", async () => {
    const { text } = await converted({
      "settings.json": `{
        // Zed writes comments
        "theme": "One",
        "context_servers": {
          "now": { "source": "custom", "command": "now", "args": ["-v"], "env": {} },
          "then": { "command": { "path": "then", "args": ["x"], "env": { "A": "1" } }, "settings": {} },
          "web": { "url": "https://web.example.com/mcp", },
          "ext": { "source": "extension", "settings": { "a": 1 } },
        },
      }`,
    })
    expect(parse(text).servers).toEqual({
      now: { mount: { command: "now", args: ["-v"] } },
      // biome-ignore lint/suspicious/noThenProperty: a server may be called so
      then: { mount: { command: "then", args: ["x"], env: { A: "1" } } },
      web: { mount: { url: "https://web.example.com/mcp" } },
    })
    expect(text).toContain("left out: it has neither a command nor a URL")
  })

  it("Codex: TOML, in which nothing is a reference", async () => {
    const result = await converted({
      "config.toml": `
model = "o"
[mcp_servers.context]
command = "npx"
args = ["-y", "context", "\${LITERAL}"]
env_vars = ["LOCAL", { name = "FAR", source = "remote" }]
cwd = "/"
startup_timeout_sec = 20
tool_timeout_sec = 2.5
enabled_tools = ["a*"]
disabled_tools = ["b"]
required = true
[mcp_servers.context.tools.a]
approval_mode = "approve"
[mcp_servers.figma]
url = "https://figma.example.com/mcp"
bearer_token_env_var = "FIGMA"
http_headers = { Region = "eu" }
env_http_headers = { "X-Team" = "TEAM" }
[mcp_servers.off]
command = "off"
enabled = false
`,
    })
    expect(parse(result.text).servers).toEqual({
      context: {
        mount: { command: "npx", args: ["-y", "context", "$${LITERAL}"], cwd: "/", inheritEnv: ["LOCAL", "FAR"] },
        tools: { include: ["a\\*"], exclude: ["b"] },
        required: true,
        timeouts: { start: "20s", call: "2500ms" },
      },
      figma: {
        mount: {
          url: "https://figma.example.com/mcp",
          headers: { Region: "eu", "X-Team": "${TEAM}", Authorization: "Bearer ${FIGMA}" },
        },
      },
    })
    expect(result.variables.map(({ name }) => name)).toEqual(["TEAM", "FIGMA"])
    for (const said of ["tools was left out", "left out: it is switched off in the client", "left out: model"])
      expect(result.text).toContain(said)
    const { servers } = await loaded(result, temporaryFolder())
    expect(servers[0]?.target).toMatchObject({ args: ["-y", "context", "${LITERAL}"] })
  })

  it("Cline and Roo: types, approvals, and servers that are off", async () => {
    const { text } = await converted({
      "cline_mcp_settings.json": {
        mcpServers: {
          web: { type: "streamableHttp", url: "https://web.example.com/mcp", alwaysAllow: ["x"], timeout: 60 },
          roo: { type: "streamable-http", url: "https://roo.example.com/mcp", disabledTools: ["y"] },
          off: { command: "off", disabled: true, autoApprove: [] },
        },
      },
    })
    expect(parse(text).servers).toEqual({
      web: { mount: { url: "https://web.example.com/mcp", transport: "http" }, timeouts: { call: "60s" } },
      roo: { mount: { url: "https://roo.example.com/mcp", transport: "http" }, tools: { exclude: ["y"] } },
    })
    expect(text).toContain("note: alwaysAllow was left out")
    expect(text).toContain("note: timeout: 60 was taken for seconds")
    expect(text).toMatch(/left out: it is switched off in the client\n {2}# off:\n/)
  })

  it("Gemini CLI: httpUrl, bare references, milliseconds", async () => {
    const servers = await serversOf({
      http: { httpUrl: "https://http.example.com/mcp", timeout: 3000, trust: true },
      sse: { url: "https://sse.example.com/sse" },
      program: { command: "p", env: { KEY: "$MY_KEY" }, includeTools: ["a"], excludeTools: ["b"] },
    })
    expect(servers).toEqual({
      http: { mount: { url: "https://http.example.com/mcp", transport: "http" }, timeouts: { call: "3s" } },
      sse: { mount: { url: "https://sse.example.com/sse", transport: "sse" } },
      program: { mount: { command: "p", env: { KEY: "${MY_KEY}" } }, tools: { include: ["a"], exclude: ["b"] } },
    })
  })

  it("OpenCode: a command as a list", async () => {
    const { text } = await converted({
      "opencode.json": {
        mcp: {
          local: { type: "local", command: ["bun", "x"], environment: { A: "{env:ALPHA}" }, enabled: true },
          remote: { type: "remote", url: "https://remote.example.com/mcp" },
        },
      },
    })
    expect(parse(text).servers).toEqual({
      local: { mount: { command: "bun", args: ["x"], env: { A: "${ALPHA}" } } },
      remote: { mount: { url: "https://remote.example.com/mcp" } },
    })
  })

  it("mcp-remote becomes a mount of the URL", async () => {
    const result = await converted({
      "mcp.json": {
        mcpServers: {
          a: {
            command: "npx",
            args: ["-y", "mcp-remote@latest", "https://a.example.com/sse", "9696", "--header", "Authorization:${AUTH}"],
            env: { AUTH: "Bearer abcdef123456", NODE_EXTRA_CA_CERTS: "ca.pem" },
          },
          b: {
            command: "cmd",
            args: [
              "/c",
              "npx",
              "mcp-remote",
              "https://b.example.com/mcp",
              "--transport",
              "http-only",
              "--ignore-tool",
              "d*",
            ],
          },
        },
      },
    })
    expect(parse(result.text).servers).toEqual({
      a: { mount: { url: "https://a.example.com/sse", headers: { Authorization: "Bearer ${A_TOKEN}" } } },
      b: { mount: { url: "https://b.example.com/mcp", transport: "http" }, tools: { exclude: ["d*"] } },
    })
    for (const said of [
      "the callback port was left out",
      "(NODE_EXTRA_CA_CERTS)",
      "logs in where a server asks for it",
    ])
      expect(result.text).toContain(said)
  })
})

describe("several files", () => {
  it("has a server once when two clients have the same", async () => {
    const same = { command: "x", args: ["y"] }
    const { text, servers, notes } = await converted({
      "a.json": { mcpServers: { x: same } },
      "b.json": { servers: { x: { args: ["y"], command: "x" }, z: { command: "z" } } },
    })
    expect(Object.keys(parse(text).servers)).toEqual(["x", "z"])
    expect(servers).toHaveLength(2)
    expect(notes).toContain("b.json: servers.x is the same as a.json: mcpServers.x")
  })

  it("gives a server another key when the key is taken, and its secret another variable", async () => {
    const of = (token: string) => ({ mcpServers: { "my git": { command: "x", env: { API_TOKEN: token } } } })
    const result = await converted({ "a.json": of("first-secret"), "b.json": of("second-secret") })
    const { servers } = parse(result.text)
    expect(servers["my-git"].mount.env).toEqual({ API_TOKEN: "${API_TOKEN}" })
    expect(servers["my-git-2"].mount.env).toEqual({ API_TOKEN: "${MY_GIT_API_TOKEN}" })
    expect(result.text).toContain("another server is called my-git")
  })

  it("gives no secret the name of a variable that is referred to", async () => {
    const { text } = await converted({
      "a.json": { mcpServers: { a: { command: "a", env: { TOKEN: "literal-1" } }, b: { command: "${TOKEN}" } } },
    })
    expect(parse(text).servers.a.mount.env).toEqual({ TOKEN: "${A_TOKEN}" })
  })
})

describe("what cannot be read", () => {
  it.each([
    [
      "a.json",
      '{"mcpServers": {"a": {"env": {"TOKEN": "hush"}',
      /^a\.json is not valid JSON: \w+ at line 1, column \d+$/,
    ],
    ["a.json", "[]", /^a\.json holds no JSON object$/],
    ["a.toml", 'token = "hush', /^a\.toml is not valid TOML: /],
    ["a.json", "[".repeat(100_000), /^a\.json (cannot be read|is not valid JSON)/],
  ])("%s is told why: %#", async (name, text, message) => {
    const failed = converted({ [name]: text })
    await expect(failed).rejects.toMatchObject({ code: "CONVERT_UNREADABLE", message: expect.stringMatching(message) })
    await expect(failed).rejects.not.toThrow(/hush/)
  })

  it("is told from what holds no servers", async () => {
    await expect(converted({ "a.json": { editor: {} } })).rejects.toMatchObject({ code: "CONVERT_NO_SERVERS" })
    await expect(converted({ "a.json": { servers: { a: { mount: "./a" } } } })).rejects.toMatchObject({
      code: "CONVERT_NO_SERVERS",
    })
    expect(parse((await converted({ "a.json": { mcpServers: {} } })).text)).toEqual({ servers: {} })
  })

  it("tells of a key that is given twice", async () => {
    const { text } = await converted({ "a.json": '{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}' })
    expect(parse(text).servers.a.mount.command).toBe("y")
    expect(text).toContain("mcpServers.a is given twice")
  })
})
