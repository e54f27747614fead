/** Options that several middleware have. */

import * as z from "zod/mini"
import { choice, listOf, optional } from "../fields.ts"

/** The requests that reach servers: what others ask for, the host answers itself. */
export const serverMethods = ["tools/call", "resources/read", "prompts/get", "completion/complete"] as const

const limitable = [
  ...serverMethods,
  ...(["tools/list", "resources/list", "resources/templates/list", "prompts/list"] as const),
  ...(["resources/subscribe", "resources/unsubscribe"] as const),
] as const

export type LimitableMethod = (typeof limitable)[number]

export function methodsOption(description: string) {
  return optional(listOf(choice(limitable), "a list of methods"), {
    description,
    default: [...serverMethods],
    examples: [["tools/call"]],
  })
}

const dimensions = ["client", "principal", "server", "tool"] as const
export type Dimension = (typeof dimensions)[number]

const byWords = 'one of "client", "principal", "server", "tool" and "all", or a list of some of the first four'

export function byOption(description: string, value: Dimension) {
  return optional(
    z.union([choice([...dimensions, "all"]), listOf(choice(dimensions), byWords).check(z.minLength(1, byWords))], {
      error: byWords,
    }),
    { description, default: value, examples: [["principal", "tool"]] },
  )
}

export type By = Dimension | "all" | readonly Dimension[]
