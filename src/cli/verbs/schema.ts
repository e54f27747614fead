/** `mcp-host schema`: the JSON Schema of the manifest. */
import { manifestJsonSchema } from "../../manifest/jsonSchema.ts"
import { printJson } from "../terminal.ts"

export async function schema(): Promise<number> {
  await printJson(manifestJsonSchema())
  return 0
}
