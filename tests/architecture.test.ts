/** The house rules of docs/architecture.md, kept by looking at the sources. */
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { describe, expect, it } from "vitest"

const root = path.resolve(import.meta.dirname, "..")

/** Layers from the bottom; a room imports from strictly lower ones. `src` itself holds the tables and the public API. */
const layers: Readonly<Record<string, number>> = {
  protocol: 0,
  composition: 1,
  manifest: 1,
  storage: 1,
  telemetry: 1,
  convert: 2,
  middleware: 2,
  wire: 2,
  upstreams: 3,
  endpoints: 3,
  host: 4,
  cli: 5,
}

interface Source {
  readonly file: string
  readonly room: string
  readonly text: string
  readonly lines: number
  readonly imports: readonly { readonly target: string; readonly typeOnly: boolean }[]
}

const sources = listFiles("src")
  .filter((file) => file.endsWith(".ts"))
  .map(read)

describe("import rules", () => {
  it("knows every room", () => {
    const rooms = new Set(sources.map((source) => source.room).filter((room) => room !== ""))
    expect([...rooms].filter((room) => !(room in layers))).toEqual([])
  })

  it("imports go to strictly lower layers; rooms of one layer share type files only", () => {
    const wrong = sources.flatMap(({ file, room, imports }) =>
      imports.filter(isRelative).flatMap(({ target, typeOnly }) => {
        const to = roomOf(resolve(file, target))
        if (room === "" || to === room) return []
        const allowed =
          to === ""
            ? resolve(file, target) === "src/errors.ts"
            : level(to) < level(room) || (level(to) === level(room) && typeOnly && target.endsWith("/types.ts"))
        return allowed ? [] : [`${file} imports ${target}`]
      }),
    )
    expect(wrong).toEqual([])
  })

  it("has no import cycle", () => {
    const graph = new Map(
      sources.map(({ file, imports }) => [
        file,
        imports.filter((each) => isRelative(each) && !each.typeOnly).map(({ target }) => resolve(file, target)),
      ]),
    )
    expect(findCycle(graph)).toEqual([])
  })

  it("names files with their extension and has no barrel but src/index.ts", () => {
    const bad = sources.flatMap(({ file, imports }) =>
      imports
        .filter((each) => isRelative(each) && !/\.(ts|json)$/.test(each.target))
        .map(({ target }) => `${file}: ${target}`),
    )
    expect(bad).toEqual([])
    expect(sources.filter(({ file }) => path.basename(file) === "index.ts").map(({ file }) => file)).toEqual([
      "src/index.ts",
    ])
  })

  it("composition and protocol know no Node, zod, pino or SDK", () => {
    const pure = sources.filter(({ room }) => room === "composition" || room === "protocol")
    const foreign = pure.flatMap(({ file, imports }) =>
      imports
        .filter((each) => !isRelative(each) && each.target !== "matcher")
        .map(({ target }) => `${file}: ${target}`),
    )
    expect(foreign).toEqual([])
  })

  it.each([
    ["an MCP SDK", /^@modelcontextprotocol\//, ["wire", "upstreams", "endpoints"]],
    ["zod", /^zod(\/|$)/, ["manifest"]],
    ["undici", /^undici$/, ["upstreams"]],
    ["commander", /^commander$/, ["cli"]],
    ["yaml", /^yaml$/, ["manifest", "convert"]],
    ["a reader of client configurations", /^(jsonc-parser|smol-toml)$/, ["convert"]],
  ])("%s appears in its rooms only", (_name, pattern, rooms) => {
    const wrong = sources.filter(
      ({ room, imports }) => !rooms.includes(room) && imports.some(({ target }) => pattern.test(target)),
    )
    expect(wrong.map(({ file }) => file)).toEqual([])
  })

  it("a Redis client appears in its store only", () => {
    const users = sources.filter(({ imports }) => imports.some(({ target }) => /^(io)?redis$|^@redis\//.test(target)))
    expect(users.map(({ file }) => file)).toEqual(["src/storage/redis.ts"])
  })

  it.each([
    ["re2js", "src/middleware/redact/ownPattern.ts"],
    ["lru-cache", "src/middleware/cache/answers.ts"],
    ["@cfworker/json-schema", "src/middleware/validate/prepare.ts"],
  ])("%s is loaded in %s only", (library, home) => {
    const users = sources.filter(({ imports }) => imports.some((each) => each.target === library && !each.typeOnly))
    expect(users.map(({ file }) => file)).toEqual([home])
  })

  it("the words for the two generations stay in wire, endpoints and the manifest", () => {
    const told = sources.filter(
      ({ room, text }) => !["wire", "endpoints", "manifest"].includes(room) && /["'`](legacy|modern)["'`]/.test(text),
    )
    expect(told.map(({ file }) => file)).toEqual([])
  })

  it("server packages import nothing of the host but its public types", () => {
    const packages = listFiles("servers")
      .filter((file) => /\/src\/.*\.(ts|js)$/.test(file))
      .map(read)
    const wrong = packages.flatMap(({ file, imports }) =>
      imports
        .filter(({ target, typeOnly }) => (target === "mcp-host" && !typeOnly) || target.includes("../../../"))
        .map(({ target }) => `${file}: ${target}`),
    )
    expect(wrong).toEqual([])
  })
})

describe("budgets", () => {
  it("no source file is longer than 300 lines", () => {
    const files = [
      ...sources,
      ...listFiles("servers")
        .filter((file) => /\/src\/.*\.(ts|js)$/.test(file))
        .map(read),
    ]
    expect(files.filter(({ lines }) => lines > 300).map(({ file, lines }) => `${file}: ${lines}`)).toEqual([])
  })

  it("no test waits a second only, or judges by the clock", () => {
    const tests = listFiles("tests").filter((file) => file.endsWith(".ts") && file !== "tests/architecture.test.ts")
    const findings = tests.flatMap((file) => {
      const { text } = read(file)
      const judged = /expect\((performance|Date)\.now\(\) - \w+\)(\.not)?\.toBeLess/.test(text)
      return [
        ...(judged ? [`${file}: what happens decides, not how long it takes`] : []),
        ...callsOf(text, "vi.waitFor")
          .filter((call) => !/,\s*(soon|patient|\{[^{}]*timeout[^{}]*\}|[\d_]+),?\s*\)$/.test(call))
          .map((call) => `${file}: no bound at ${call.slice(0, 80)}`),
      ]
    })
    expect(findings).toEqual([])
  })

  it("nothing is swallowed: no empty catch", () => {
    const empty = sources.filter(
      ({ text }) => /catch\s*(\([^)]*\))?\s*\{\s*\}/.test(text) || /\.catch\(\(\)\s*=>\s*\{\s*\}\)/.test(text),
    )
    expect(empty.map(({ file }) => file)).toEqual([])
  })
})

/** The calls of a function in a text, each to its closing parenthesis. */
function callsOf(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`${name.replace(".", "\\.")}\\(`, "g"))].map(({ index }) => {
    let depth = 0
    for (let at = index; at < text.length; at += 1) {
      if (text[at] === "(") depth += 1
      else if (text[at] === ")" && --depth === 0) return text.slice(index, at + 1)
    }
    return text.slice(index)
  })
}

function listFiles(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .filter((file) => !file.includes("node_modules/"))
}

function read(file: string): Source {
  const text = readFileSync(path.join(root, file), "utf8")
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm,
  )
  const imports = [...found].map((match) => ({ target: match[2] ?? match[3] ?? "", typeOnly: match[1] !== undefined }))
  return { file, room: roomOf(file), text, lines: text.split("\n").length - 1, imports }
}

function roomOf(file: string): string {
  const [top, room, ...rest] = file.split("/")
  return top === "src" && rest.length > 0 ? (room ?? "") : ""
}

function isRelative({ target }: { readonly target: string }): boolean {
  return target.startsWith(".")
}

function resolve(file: string, target: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(file), target))
}

function level(room: string): number {
  return layers[room] ?? Number.NaN
}

/** The files of one import cycle, or none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): string[] => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file]
    if (done.has(file)) return []
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...trail, file])
      if (cycle.length > 0) return cycle
    }
    done.add(file)
    return []
  }
  for (const file of graph.keys()) {
    const cycle = visit(file, [])
    if (cycle.length > 0) return cycle
  }
  return []
}
