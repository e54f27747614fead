/**
 * Packages that measuring and checking need and the project does not: at fixed versions, installed into a cache folder
 * outside the project (`BENCH_CACHE`, else a folder in the system's temporary one) when they are first needed.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { promisify } from "node:util"

// For what asks for a newer Node than the one that runs here.
const nodeVersion = "22.23.3"

const cache = process.env["BENCH_CACHE"] ?? path.join(os.tmpdir(), "mcp-host-bench")
const installs = new Map<string, Promise<string>>()

/** The folder in which the package is installed. */
export function installPackage(name: string, version: string): Promise<string> {
  // The cache is flat: a scope becomes part of the folder's name.
  const folder = path.join(cache, `${name.replaceAll("/", "-")}-${version}`)
  const known = installs.get(folder) ?? install(folder, { [name]: version })
  installs.set(folder, known)
  return known
}

/** The path of the Node that a package with this requirement runs on. */
export async function nodeFor(major: number): Promise<string> {
  if (Number(process.versions.node.split(".")[0]) >= major) return process.execPath
  return path.join(await installPackage("node", nodeVersion), "node_modules/node/bin/node")
}

async function install(folder: string, dependencies: Readonly<Record<string, string>>): Promise<string> {
  const done = path.join(folder, "installed")
  if (existsSync(done)) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }))
  await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    // `npm run` tells its children about the project; this install is none of the project's.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
    timeout: 300_000,
    shell: process.platform === "win32",
  })
  writeFileSync(done, "")
  return folder
}
