/** The variables a converted manifest refers to: each secret under a name of its own, each reference under the name it had. */
import { escapeText, referenceNames, toVariableName } from "./names.ts"
import type { Variable } from "./types.ts"

export interface SecretPlace {
  readonly name: string
  /** True when the name says what it is for by itself, as `GITHUB_TOKEN` does: the server's is put before it only when it is taken. */
  readonly isTelling: boolean
  readonly server: string
  readonly from: string
}

export interface Variables {
  /** The text that stands for a secret in the manifest. */
  secret(value: string, place: SecretPlace): string
  /** Notes that the manifest refers to a variable that has to be set. */
  refer(name: string, from: string, description?: string): void
  list(): Variable[]
}

/** `taken`: texts in which references may occur, whose names no secret gets. */
export function createVariables(taken: Iterable<string>): Variables {
  const reserved = new Set([...taken].flatMap(referenceNames))
  const values = new Map<string, string>()
  const known = new Map<string, { from: Set<string>; isSecret: boolean; description: string | undefined }>()
  const note = (name: string, from: string, facts: { isSecret: boolean; description?: string | undefined }) => {
    const before = known.get(name)
    before?.from.add(from)
    if (before === undefined) known.set(name, { from: new Set([from]), description: undefined, ...facts })
  }
  return {
    secret(value, { name, isTelling, server, from }) {
      const isFree = (each: string) => !reserved.has(each) && (values.get(each) ?? value) === value
      const long = toVariableName(`${server}_${name}`)
      const candidates = [
        ...(isTelling ? [toVariableName(name)] : []),
        long,
        ...Array.from({ length: values.size + 1 }, (_, index) => `${long}_${index + 2}`),
      ]
      const free = candidates.find(isFree) ?? long
      values.set(free, value)
      note(free, from, { isSecret: true })
      return `\${${free}}`
    },
    refer: (name, from, description) => note(name, from, { isSecret: false, description }),
    list: () =>
      [...known].map(([name, { from, isSecret, description }]) => ({
        name,
        from: [...from],
        isSecret,
        ...(description !== undefined && { description }),
      })),
  }
}

/** A run that keeps secrets where they are. */
export function keepSecrets(): Variables {
  return { secret: escapeText, refer: () => undefined, list: () => [] }
}
