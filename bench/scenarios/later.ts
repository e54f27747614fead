/** Scenarios whose subject does not exist yet: each is built with the issue that builds its subject. */
import type { Suite } from "../lib/suite.ts"

export interface LaterResults {
  readonly slots: readonly { readonly name: string; readonly goal: string }[]
}

const slots: LaterResults["slots"] = [
  { name: "reload under load", goal: "calls in flight of unchanged servers see nothing of it" },
]

export async function runLater(suite: Suite): Promise<LaterResults> {
  for (const { name } of slots) suite.log(`${name}: built by a later issue`)
  return { slots }
}
