/** Assembles `src/wire/scanObject.wat`. Run by `npm run assemble`; a test fails when the module is out of step. */
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import createWabt from "wabt"

const folder = path.resolve(import.meta.dirname, "../src/wire")

/** The text of `scanModule.ts`. */
export async function assemble(): Promise<string> {
  const { parseWat } = await createWabt()
  const module = parseWat("scanObject.wat", await readFile(path.join(folder, "scanObject.wat")), { simd: true })
  try {
    module.validate()
    const bytes = Buffer.from(module.toBinary({}).buffer)
    return `${comment}\nexport const scanModule =\n  "${bytes.toString("base64")}"\n`
  } finally {
    module.destroy()
  }
}

const comment =
  "/** Generated from scanObject.wat by `npm run assemble`; do not edit. The WebAssembly module, in base64. */"

if (process.argv[1] === import.meta.filename) await writeFile(path.join(folder, "scanModule.ts"), await assemble())
