/** Asks the probe that is preloaded into a measured process. */
import path from "node:path"
import type { Started } from "./processes.ts"

export interface Memory {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
}

export const probeArguments: readonly string[] = [
  "--expose-gc",
  "--import",
  path.resolve(import.meta.dirname, "../programs/probe.mjs"),
]

/** The longest the event loop was held up, in milliseconds: as the clock says, and by work of the process alone. */
export interface Held {
  readonly wallMs: number
  readonly workMs: number
}

type Answers = {
  memory: Memory
  start: undefined
  stop: { readonly allocated: number }
  watch: undefined
  held: Held
}

export function askProbe<Name extends keyof Answers>({ child }: Started, probe: Name): Promise<Answers[Name]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the probe does not answer")), 20_000)
    const hear = (message: unknown): void => {
      // The probe is part of the suite: it answers what was asked, and says what that was.
      const { probe: asked, value } = message as { probe: string; value: Answers[Name] }
      if (asked !== probe) return
      clearTimeout(timer)
      child.off("message", hear)
      resolve(value)
    }
    child.on("message", hear)
    child.send({ probe })
  })
}
