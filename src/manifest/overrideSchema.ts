/** The schema of `override`: what the manifest says differently about a server's components. */

import * as z from "zod/mini"
import { anyMapping, anyText, anyValue, flag, mapping, optional, pattern, tagList, text } from "./fields.ts"

const exposedName = () => pattern(/^[A-Za-z0-9_.-]{1,128}$/, 'made of letters, digits, "_", "-" and "."')

const argument = mapping({
  name: optional(text(), { description: "The name clients see and use.", examples: ["max"] }),
  description: optional(anyText(), { description: "Replaces the description.", examples: ["At most this many."] }),
  default: optional(anyValue(), {
    description: "Shown in the input schema, and sent when the client leaves the argument out.",
    examples: [10],
  }),
  required: optional(flag(), { description: "Whether clients must give the argument." }),
  hide: optional(flag(), {
    description: "`true`: clients neither see the argument nor reach it; what they send for it is dropped.",
  }),
  value: optional(anyValue(), {
    description: "Only with `hide`: what the server always gets. Without it the argument is left out.",
    examples: ["hub"],
  }),
})

const shared = {
  title: optional(anyText(), { description: "Replaces the title." }),
  description: optional(anyText(), {
    description: "Replaces the description.",
    examples: ["Open an issue in the hub repository."],
  }),
  tags: optional(tagList(), { description: "Tags to add, before tags are filtered.", examples: [["write"]] }),
  hide: optional(flag(), { description: "`true`: for clients it does not exist." }),
}

const name = optional(exposedName(), {
  description: "The name before the prefix. The server's own is not callable any more.",
  examples: ["new_issue"],
})

const args = optional(z.record(text(), argument, { error: "a mapping of argument names to what differs" }), {
  description: "Arguments, by the server's own names.",
})

const annotations = optional(anyMapping(), {
  description: "Laid over the server's own annotations, member by member.",
  examples: [{ destructiveHint: true }],
})

const forms = {
  tools: mapping({ name, ...shared, annotations, args }),
  prompts: mapping({ name, ...shared, args }),
  resources: mapping({
    name: optional(text(), { description: "The display name." }),
    ...shared,
    annotations,
  }),
} as const

/** `override` of one kind. */
export const overrides = <const K extends keyof typeof forms>(kind: K, by: string) =>
  optional(z.record(text(), forms[kind], { error: `a mapping of ${by} to what differs` }), {
    description: `What to show differently, by ${by}.`,
  })
