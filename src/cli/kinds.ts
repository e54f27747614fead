/** The kinds of component as the command line names them. */
import type { Kind } from "../protocol/methods.ts"

export interface KindNames {
  readonly one: string
  /** The argument of `list` and the key of its JSON. */
  readonly many: "tools" | "resources" | "templates" | "prompts"
}

export const kindNames: Readonly<Record<Kind, KindNames>> = {
  tool: { one: "tool", many: "tools" },
  resource: { one: "resource", many: "resources" },
  resourceTemplate: { one: "template", many: "templates" },
  prompt: { one: "prompt", many: "prompts" },
}

/** In the order the command line shows them. */
export const shownKinds: readonly Kind[] = ["tool", "resource", "resourceTemplate", "prompt"]
