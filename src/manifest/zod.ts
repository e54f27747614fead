/**
 * zod as this folder uses it. Its ES modules are more than a hundred files that Node opens all at once: with few descriptors
 * (`ulimit -n 64`) the host would not start. Its CommonJS build has the same exports and is read a file at a time.
 */
import { createRequire } from "node:module"
import type * as types from "zod"

// The package exports the same to both kinds of modules.
const loaded = createRequire(import.meta.url)("zod") as typeof types

export const z: typeof types.z = loaded.z

/** The types beside the value, under the one name that zod gives them. */
export declare namespace z {
  export type infer<T> = types.infer<T>
  export type ZodType<Output = unknown> = types.ZodType<Output>
  export namespace core {
    export type $ZodIssue = types.core.$ZodIssue
    export type $ZodLooseShape = types.core.$ZodLooseShape
    export type $ZodType = types.core.$ZodType
  }
}
