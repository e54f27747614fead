/**
 * Lets code beside a manifest import the host's public API as `mcp-host`, and `zod`, whether or not they are installed
 * where it lies. `mcp-host` always is the installation that runs; `zod` is the code's own where it has one. Called for
 * packages and middleware before they are loaded.
 */
import { readFileSync } from "node:fs"
import Module, { createRequire, register } from "node:module"
import { fileURLToPath } from "node:url"
import { codeFiles } from "./packageCode.ts"

/** From the sources as from what is built of them. */
const api = new URL("../../dist/index.js", import.meta.url).href

/** Import and export statements, `import()` and `require()`. */
const wanted = /\b(?:from|import|require)\s*\(?\s*["'](?:mcp-host|zod)(?:\/[^"'\n]*)?["']/

const hook = `const api = ${JSON.stringify(api)}, own = ${JSON.stringify(import.meta.url)}
export async function resolve(specifier, context, next) {
  if (specifier === "mcp-host") return { url: api, format: "module", shortCircuit: true }
  if (!/^zod(\\/|$)/.test(specifier)) return next(specifier, context)
  try {
    return await next(specifier, context)
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND" && error.code !== "MODULE_NOT_FOUND") throw error
    return next(specifier, { ...context, parentURL: own })
  }
}`

let offered = false

/** Most packages need nothing of it: hooks are registered for the first that does. */
export function offerHostModules(entry: string): void {
  if (offered || !codeFiles(entry).some((file) => wanted.test(textOf(file)))) return
  offered = true
  register(`data:text/javascript,${encodeURIComponent(hook)}`)
  offerToCommonJs()
}

type Resolve = (request: string, ...more: unknown[]) => string

/** CommonJS, which TypeScript without a package.json becomes, has no hook of its own before Node 22. */
function offerToCommonJs(): void {
  const modules = Module as unknown as { _resolveFilename: Resolve }
  const own = createRequire(import.meta.url)
  const resolve = modules._resolveFilename
  modules._resolveFilename = function (this: unknown, request, ...more) {
    if (request === "mcp-host") return fileURLToPath(api)
    if (!/^zod(\/|$)/.test(request)) return resolve.call(this, request, ...more)
    try {
      return resolve.call(this, request, ...more)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error
      return own.resolve(request)
    }
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch {
    // Loading it says what is wrong.
    return ""
  }
}
