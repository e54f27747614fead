import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { loadManifest } from "../../src/manifest/load.ts"
import { folder, server } from "./support.ts"

describe("targets", () => {
  const base = { era: "auto", env: {}, inheritEnv: [] }

  test.each([
    ["some-package", { kind: "package", specifier: "some-package", ...base }],
    ["some-package#makeServer", { kind: "package", specifier: "some-package", export: "makeServer", ...base }],
    ["'@scope/name'", { kind: "package", specifier: "@scope/name", ...base }],
    ["'@scope/name/sub#x'", { kind: "package", specifier: "@scope/name/sub", export: "x", ...base }],
    [
      "{ package: some-package, export: x, era: modern, env: { A: b }, inheritEnv: [C] }",
      { kind: "package", specifier: "some-package", export: "x", era: "modern", env: { A: "b" }, inheritEnv: ["C"] },
    ],
    [
      "https://example.com/mcp",
      { kind: "http", url: "https://example.com/mcp", transport: "auto", headers: {}, era: "auto" },
    ],
    [
      "http://localhost:1/#frag",
      { kind: "http", url: "http://localhost:1/#frag", transport: "auto", headers: {}, era: "auto" },
    ],
    [
      "{ url: 'https://example.com', transport: sse, headers: { A: 'b c' }, era: legacy }",
      { kind: "http", url: "https://example.com", transport: "sse", headers: { A: "b c" }, era: "legacy" },
    ],
  ])("%s", async (value, target) => {
    expect((await server(`mount: ${value}`)).target).toEqual(target)
    const entry = await server(`import: ${value}`)
    expect(entry.target).toEqual(target)
    expect(entry.mode).toBe("import")
  })

  test.each([
    ["./servers/notes", "servers/notes", undefined],
    ["./servers/../servers/notes/index.js", "servers/notes/index.js", undefined],
    ["./servers/notes#admin", "servers/notes", "admin"],
    ["'./servers/c#'", "servers/c#", undefined],
    ["'./servers/c##x'", "servers/c#", "x"],
    [".", "", undefined],
    ["'{ROOT}/servers/notes'", "servers/notes", undefined],
    ["{ package: ./servers/notes, export: admin }", "servers/notes", "admin"],
  ])("path %s", async (value, path, name) => {
    const root = folder({ "servers/notes/index.js": "", "servers/c#/": "" })
    writeFileSync(join(root, "mcp-host.yaml"), `servers:\n  a:\n    mount: ${value.replace("{ROOT}", root)}`)
    const [entry] = (await loadManifest(join(root, "mcp-host.yaml"), { env: {} })).servers
    expect(entry?.target).toMatchObject({ kind: "package", specifier: join(root, path).replace(/\/$/, "") })
    expect(entry?.target.kind === "package" && entry.target.export).toBe(name)
  })

  test("stdio", async () => {
    const plain = await server("mount: { command: npx }")
    expect(plain.target).toEqual({
      kind: "stdio",
      command: "npx",
      args: [],
      cwd: join(plain.place.file, ".."),
      ...base,
    })
    const full = await server(
      "mount: { command: npx, args: [-y, ''], env: { A: b, EMPTY: '' }, cwd: ./servers, era: legacy, inheritEnv: [X] }",
    )
    expect(full.target).toEqual({
      kind: "stdio",
      command: "npx",
      args: ["-y", ""],
      env: { A: "b", EMPTY: "" },
      cwd: join(full.place.file, "../servers"),
      inheritEnv: ["X"],
      era: "legacy",
    })
  })
})
