/** What logs call the thing that a request is about. */
import { type JsonObject, objectAt, stringAt } from "../protocol/json.ts"

/** Names that clients send are logged up to here, in characters. */
export const longestName = 200

/** The name of a tool or prompt, or a URI; undefined where a request has none. */
export function nameOf(params: JsonObject): string | undefined {
  const named = objectAt(params, "ref") ?? params
  return (stringAt(named, "name") ?? stringAt(named, "uri"))?.slice(0, longestName)
}
