/** For authors of middleware: gives the definition back, with the type of the options taken from their schema. */
import type { MiddlewareDefinition } from "./types.ts"

export function defineMiddleware<Options>(definition: MiddlewareDefinition<Options>): MiddlewareDefinition<Options> {
  return definition
}
