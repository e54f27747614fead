/**
 * Puts the command and the public API, with the libraries they use, into a few files of `dist/`. Of a start most is loading
 * modules: some 500 files of their own take twice as long. Part of `npm run build`, beside the declarations of the API.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { builtinModules } from "node:module"
import path from "node:path"
import { type ChunkingContext, type OutputChunk, rolldown } from "rolldown"

const root = path.resolve(import.meta.dirname, "..")
const dist = path.join(root, "dist")

const input = { index: "src/index.ts", "cli/main": "src/cli/main.ts" } as const

/** What is loaded at run time, as it is installed: its files find each other, or share their classes with packages of users. */
const external = [/^tsx(\/|$)/, /^@modelcontextprotocol\//, ...builtinModules.flatMap((name) => [name, `node:${name}`])]

rmSync(dist, { recursive: true, force: true })
const bundle = await rolldown({
  cwd: root,
  input,
  platform: "node",
  tsconfig: "tsconfig.build.json",
  external,
  // Written as modules, a library gives only what is used of it; and one that decides at run time what it loads is none.
  resolve: { mainFields: ["module", "main"] },
  checks: { ineffectiveDynamicImport: false },
})
// All chunks lie two folders below the project, as the sources do: what they find relative to themselves is found from both.
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  chunkFileNames: "chunks/[name]-[hash].js",
  // What most verbs load is one file. What is loaded before, or by the API, is in others: they load nothing else.
  codeSplitting: {
    groups: [
      {
        debugName: "shared",
        name: (id, chunking) => {
          if (loadedBy("index", chunking).has(id)) return "api"
          return loadedBy("cli/main", chunking).has(id) ? "command" : "core"
        },
        minShareCount: 4,
      },
    ],
  },
})
await bundle.close()
const chunks = output.filter((each): each is OutputChunk => each.type === "chunk")
writeFileSync(path.join(dist, "LICENSES.txt"), licences(chunks.flatMap(({ moduleIds }) => moduleIds)))

/** The modules that an entry loads at once. */
function loadedBy(entry: keyof typeof input, chunking: ChunkingContext): ReadonlySet<string> {
  const found = new Set([path.join(root, input[entry])])
  for (const id of found) for (const imported of chunking.getModuleInfo(id)?.importedIds ?? []) found.add(imported)
  return found
}

/** The licence of every library of which something is in the bundle. */
function licences(modules: readonly string[]): string {
  const folders = modules.flatMap((id) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id) ?? [])
  return [...new Set(folders)]
    .sort()
    .map(licenceOf)
    .join(`\n${"-".repeat(100)}\n\n`)
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"))
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  const text = file === undefined ? "" : `\n${readFileSync(path.join(folder, file), "utf8").trim()}\n`
  return `${name} ${version} (${license})\n${text}`
}
