/** What a manifest says of stores. Made by `manifest`, read by `storage.ts`. */

interface Protection {
  /** The key records are encrypted with; undefined: they are not. */
  readonly encrypt?: string
  /** Keys that records may still be encrypted with. */
  readonly previousKeys: readonly string[]
}

export type StoreConfig = Protection &
  (
    | { readonly type: "memory" }
    /** Without `folder`: a folder of this manifest among the user's data. */
    | { readonly type: "file"; readonly folder?: string }
    | { readonly type: "redis"; readonly url: string; readonly prefix: string; readonly replicas: number }
    | { readonly type: "keyv"; readonly uri: string; readonly prefix: string }
  )
