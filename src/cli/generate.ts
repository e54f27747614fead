/** Writes the files that are made from the code. Run by `npm run generate`; tests fail when a file is out of step. */
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { manifestJsonSchema } from "../manifest/jsonSchema.ts"
import { manifestReference } from "../manifest/reference.ts"
import { errorsReference } from "./errorsReference.ts"
import { withMiddlewareTable } from "./middlewareTable.ts"

/** The same from `src/cli` and from `dist/cli`. */
const root = new URL("../../", import.meta.url)

await mkdir(new URL("docs/", root), { recursive: true })
await writeFile(new URL("mcp-host.schema.json", root), `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`)
await writeFile(new URL("docs/manifest.md", root), manifestReference())
await writeFile(new URL("docs/errors.md", root), errorsReference())

const overview = new URL("docs/middleware.md", root)
const hasPage = (name: string): boolean => existsSync(new URL(`docs/middleware/${name}.md`, root))
await writeFile(overview, withMiddlewareTable(await readFile(overview, "utf8"), hasPage))
