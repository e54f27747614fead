/** Options of the middleware `sizeLimit`. */

import type * as z from "zod/mini"
import { choice, facts, mapping, optional, size } from "../fields.ts"
import { middlewareDefaults } from "./defaults.ts"

const { sizeLimit } = middlewareDefaults

export const sizeLimitOptions = mapping({
  result: optional(size(), {
    description: "The largest result, in bytes of JSON.",
    default: sizeLimit.result,
  }),
  arguments: optional(size(), {
    description: "The largest arguments of a tool or prompt, in bytes of JSON.",
    default: sizeLimit.arguments,
  }),
  mode: optional(choice(["reject", "truncate"]), {
    description:
      "What happens to larger results: `reject`, the request fails with -31004; `truncate`, the text in results of tools is cut, and a note says how much is missing.",
    default: sizeLimit.mode,
  }),
}).register(facts, { description: "Bounds the size of results and arguments." })

export type SizeLimitOptions = z.infer<typeof sizeLimitOptions>
