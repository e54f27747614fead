/** The schema of `storage`: named stores. */

import * as z from "zod/mini"
import { defaults } from "./defaults.ts"
import { choice, facts, listOf, mapping, optional, pattern, text, whole } from "./fields.ts"

export const storeNamePattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/

/** Long enough for 32 random bytes in hexadecimal or base64; a password that a person can remember is not. */
const keyWords = "a key of at least 32 characters, such as `openssl rand -base64 32` prints"
export const encryptionKey = () => pattern(/^.{32,}$/s, keyWords)

const storeSchema = mapping({
  type: optional(choice(["memory", "file", "redis"]), {
    description: "The kind of store. Without it, `uri` says which.",
    absent: "by `uri`",
    examples: ["file"],
  }),
  path: optional(text("the path of a folder"), {
    description: "Of a `file` store: its folder, relative to the manifest and made when it is missing.",
    absent: "a folder of this manifest among the user's data",
    examples: ["./data/store"],
  }),
  url: optional(pattern(/^(rediss?|valkeys?):\/\/./i, "a redis:// or rediss:// URL"), {
    description: "Of a `redis` store: where it is; `rediss:` with TLS.",
    examples: ["redis://localhost:6379/0"],
  }),
  uri: optional(pattern(/^[a-z][a-z0-9+.-]*:\/\/./i, "a URI such as postgres://host/database"), {
    description: "Instead of `type`: any backend of Keyv, or Redis.",
    examples: ["postgres://localhost/mcp"],
  }),
  prefix: optional(pattern(/^[a-z0-9-]+$/, 'made of small letters, digits and "-"'), {
    description: "Of a store on the network: put before every key, so that others may use the backend too.",
    default: defaults.store.prefix,
  }),
  replicas: optional(whole(0, 16), {
    description: "Of a `redis` store: how many replicas must confirm a single step before its result counts.",
    default: defaults.store.replicas,
  }),
  encrypt: optional(encryptionKey(), {
    description: "The key that records are encrypted with. A store with another key is refused and left as it is.",
    absent: "not encrypted",
    examples: ["${STORE_KEY}"],
  }),
  previousKeys: optional(listOf(encryptionKey(), "a list of keys"), {
    description: "Keys that records may still be encrypted with, until `mcp-host storage rotate` has run.",
    default: [],
    examples: [["${OLD_STORE_KEY}"]],
  }),
})

export const storageSchema = z
  .record(z.string(), storeSchema, { error: "a mapping of names to stores" })
  .register(facts, { propertyNames: { pattern: storeNamePattern.source } })

export type StoreInput = z.infer<typeof storeSchema>
