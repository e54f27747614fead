/**
 * Which code a package in process is of, and loading it again when it has changed: its own files anew, what it depends on
 * as before. A module system never lets go of a module, so code that is replaced stays in memory.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { createRequire, register } from "node:module"
import path from "node:path"

/** The query that tells one code of a module from another. */
export const codeKey = "mcp-host-code"

/** Relative imports of a module are of the same code as the module; packages it depends on are loaded once for all. */
const hook = `export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context)
  const code = /[?&]${codeKey}=([0-9a-f]+)/.exec(context.parentURL ?? "")?.[1]
  if (code === undefined || !/^\\.\\.?\\//.test(specifier) || !resolved.url.startsWith("file:")) return resolved
  if (resolved.url.includes("${codeKey}=")) return resolved
  const url = resolved.url + (resolved.url.includes("?") ? "&" : "?") + "${codeKey}=" + code
  return { ...resolved, url }
}`

let registered = false

/** Makes the module system ready to load the files of a package once more. */
export async function loadAnew(entry: string): Promise<void> {
  if (!registered) register(`data:text/javascript,${encodeURIComponent(hook)}`)
  registered = true
  // CommonJS keeps its modules by file.
  const { cache } = createRequire(import.meta.url)
  for (const file of codeFiles(entry)) delete cache[file]
}

/** A hash of the files a package is made of. */
export function codeOf(entry: string): string {
  const hash = createHash("sha256")
  for (const file of codeFiles(entry))
    hash
      .update(`${file}\0`)
      .update(textOf(file) ?? "")
      .update("\0")
  return hash.digest("hex").slice(0, 16)
}

/** Relative specifiers in `import`, `export … from`, `import()` and `require()` that are plain texts. */
const relativeImport = /\b(?:from|import|require)\s*\(?\s*["'](\.{1,2}\/[^"'\n]+)["']/g

/** The entry, and the files it leads to by relative imports; those that are not there included. */
export function codeFiles(entry: string): string[] {
  const files = new Set([entry])
  // A set gives what is added while it is walked.
  for (const file of files) {
    for (const [, specifier = ""] of (textOf(file) ?? "").matchAll(relativeImport)) {
      const named = path.resolve(path.dirname(file), specifier.replace(/[?#].*$/, ""))
      files.add(candidates(named).find((each) => textOf(each) !== undefined) ?? named)
    }
  }
  return [...files]
}

/** TypeScript is imported as the JavaScript it becomes, and CommonJS leaves endings out. */
function candidates(file: string): string[] {
  const source = file.replace(/\.([mc]?)js(x?)$/, ".$1ts$2")
  const endings = [".js", ".ts", ".mjs", ".cjs", ".json", ".tsx", "/index.js", "/index.ts"]
  return [file, source, ...endings.map((ending) => file + ending)]
}

/** Undefined when there is no such file. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch {
    // A folder, or nothing: loading the package will say so.
    return undefined
  }
}
