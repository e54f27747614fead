/** What an audit log is like before somebody goes on writing it, with what its next line must say of that. */
import { headOf, readHead } from "./head.ts"
import { type AuditKey, type Fields, keyIdOf, type Link } from "./line.ts"
import { findTail, type KeyOf, type Tail } from "./tail.ts"

export interface Recovered {
  readonly last: Link
  /** The first line that is kept. */
  readonly first: number
  /** There is neither a line nor a head. */
  readonly isNew: boolean
  /** The file that is written, when it is there. */
  readonly current:
    | {
        readonly first: number
        readonly keyId: string | undefined
        readonly size: number
        /** When it was begun. */
        readonly since: number
        readonly endsWhole: boolean
      }
    | undefined
  /** What is sealed by the line that says it: `torn`, a line that a kill cut; `damaged`; `gap`, lines that are missing. */
  readonly facts: Fields
}

export async function recover(file: string, keys: readonly AuditKey[]): Promise<Recovered> {
  const keyOf: KeyOf = (id) => keys.find((key) => key.id === id)
  const tail = await findTail(file, keyOf)
  const reading = await readHead(file, keyOf)
  const { last, rest, current } = tail
  const facts = {
    ...(rest !== undefined && { [rest.damaged ? "damaged" : "torn"]: { bytes: rest.bytes, sha256: rest.sha256 } }),
    ...gapIn(tail, reading),
  }
  const since = Date.parse(String(current?.first?.value["time"]))
  return {
    last,
    first: ("head" in reading && reading.head.first) || (tail.first ?? 1),
    isNew: tail.first === undefined && rest === undefined && "problem" in reading,
    current: current && {
      first: current.first?.seq ?? last.seq + 1,
      keyId: current.first && keyIdOf(current.first),
      size: current.size,
      since: Number.isNaN(since) ? Date.now() : since,
      endsWhole: current.endsWhole,
    },
    facts,
  }
}

function gapIn({ last, first, current }: Tail, reading: Awaited<ReturnType<typeof readHead>>): Fields {
  const name = headOf("")
  if ("problem" in reading) {
    if (reading.problem === "missing" && first === undefined) return {}
    return { gap: { head: `the ${name} file is ${reading.problem}` } }
  }
  const { head, fits } = reading
  // Once lines have a key, so has the head.
  const lostKey = head.key === undefined && current?.first !== undefined && keyIdOf(current.first) !== undefined
  if (fits === false || lostKey) return { gap: { head: `the ${name} file was changed` } }
  return head.seq > last.seq ? { gap: { seq: head.seq, hash: head.hash } } : {}
}
