/** Options of the middleware `audit`. */

import type * as z from "zod/mini"
import {
  choice,
  deadline,
  facts,
  flag,
  globs,
  listOf,
  mapping,
  optional,
  required,
  size,
  text,
  whole,
} from "../fields.ts"
import { encryptionKey } from "../storageSchema.ts"
import { middlewareDefaults } from "./defaults.ts"

const { audit } = middlewareDefaults

const rotation = mapping({
  size: optional(size(), { description: "A file that is larger is followed by another.", default: audit.rotate.size }),
  age: optional(deadline(), {
    description: "So is one that is older.",
    absent: "age does not matter",
    examples: ["24h"],
  }),
  keep: optional(whole(1, 10_000), {
    description: "How many files are kept besides the one that is written; the oldest are removed.",
    default: audit.rotate.keep,
  }),
})

export const auditOptions = mapping({
  file: required(text("the path of a file"), {
    description: "The log, relative to the manifest; its folder is made when it is missing.",
    examples: ["./logs/audit.jsonl"],
  }),
  methods: optional(globs("names of methods"), {
    description: "The requests that are recorded.",
    default: [...audit.methods],
    examples: [["*"]],
  }),
  key: optional(encryptionKey(), {
    description:
      "Makes the hashes of lines, and the digests of arguments, such that nobody can make them without it: who changes the log cannot chain it anew.",
    absent: "anybody can make them",
    examples: ["${AUDIT_KEY}"],
  }),
  previousKeys: optional(listOf(encryptionKey(), "a list of keys"), {
    description: "Keys that earlier files were made with.",
    default: [],
    examples: [["${OLD_AUDIT_KEY}"]],
  }),
  onError: optional(choice(["refuse", "continue"]), {
    description:
      "What happens while the log cannot be written: `refuse` answers what would be recorded with -31008, and holds every answer until its line is written; `continue` serves on.",
    default: audit.onError,
  }),
  sync: optional(flag(), {
    description: "Flushes every write to the disk, so that a power cut loses none.",
    default: audit.sync,
  }),
  rotate: optional(rotation, { description: "When a new file is begun." }),
}).register(facts, { description: "Records who asked for what in a file that shows when it is tampered with." })

export type AuditOptions = z.infer<typeof auditOptions>
