/**
 * Rounds: everything that is compared is alive together and measured in turn, in an order that moves on by one each
 * round, and a figure is the median of its ratios to the base of the same round. What else the machine does then changes
 * both sides of a ratio alike.
 */
import type { CallResult, Era } from "./load.ts"
import { medianOf, ratioOf, spread } from "./statistics.ts"
import type { Suite } from "./suite.ts"
import type { Target, TargetName } from "./targets.ts"

export interface Point {
  readonly era: Era
  readonly callers: number
  /** Size of the answer's text; about 100 bytes without. */
  readonly bytes?: number
  readonly progress?: boolean
  /** The upstream that is called. */
  readonly upstream: string
}

export interface Measured {
  readonly target: TargetName
  readonly callsPerSecond?: number
  readonly p50Us?: number
  readonly p99Us?: number
  readonly cpuUsPerCall?: number
  /** To the base, the first target of the list. */
  readonly ratios: Ratios
  /** How far the rounds lie apart in calls/s, as a share. */
  readonly spread?: number
  readonly errors: number
  readonly error?: string
  readonly withoutProgress?: number
  readonly rounds: readonly Round[]
}

export interface Ratios {
  readonly callsPerSecond?: number
  readonly p50?: number
  readonly p99?: number
}

export interface Round {
  readonly callsPerSecond: number
  readonly p50Us?: number
  readonly p99Us?: number
  readonly cpuUsPerCall?: number
}

interface Collected {
  readonly rounds: (Round | undefined)[]
  errors: number
  error?: string
  withoutProgress: number
}

export async function measurePoint(suite: Suite, targets: readonly Target[], point: Point): Promise<Measured[]> {
  const { rounds, warmRound = true } = suite.options
  const collected = new Map(targets.map((target) => [target.name, emptyRounds(rounds)]))
  // One round that does not count: code is compiled, heaps have grown.
  if (warmRound)
    for (const target of targets) await measureRound(suite, target, { point, round: 0, into: emptyRounds(1) })
  for (let round = 0; round < rounds; round += 1) {
    for (const target of rotated(targets, round)) {
      const into = collected.get(target.name) as Collected
      // What failed twice is not asked again.
      if (into.error !== undefined && into.rounds.every((each) => each === undefined) && round > 1) continue
      await measureRound(suite, target, { point, round, into })
    }
  }
  const base = collected.get((targets[0] as Target).name) as Collected
  return targets.map(({ name }) => summary(name, collected.get(name) as Collected, base))
}

/** The list beginning one later each round. */
export function rotated<T>(list: readonly T[], round: number): readonly T[] {
  const from = round % list.length
  return [...list.slice(from), ...list.slice(0, from)]
}

async function measureRound(
  suite: Suite,
  target: Target,
  { point, round, into }: { readonly point: Point; readonly round: number; readonly into: Collected },
): Promise<void> {
  const { upstream, ...call } = point
  const { seconds, warmUp, longest } = suite.options
  const tool = target.toolName(upstream, point.bytes === undefined ? "echo" : "blob")
  const { url, protocol, pid } = target
  try {
    const result = await suite.load.calls({ ...call, url, protocol, pid, tool, seconds, warmUp, longest })
    into.errors += result.errors
    into.withoutProgress += result.withoutProgress
    if (result.error !== undefined) into.error ??= result.error
    into.rounds[round] = toRound(result)
  } catch (error) {
    into.error ??= error instanceof Error ? error.message : String(error)
    into.errors += 1
  }
}

export function toRound({ calls, seconds, p50Us, p99Us, cpuUs }: CallResult): Round | undefined {
  if (calls === 0) return undefined
  return {
    callsPerSecond: calls / seconds,
    ...(p50Us !== undefined && { p50Us }),
    ...(p99Us !== undefined && { p99Us }),
    ...(cpuUs !== undefined && { cpuUsPerCall: cpuUs / calls }),
  }
}

function emptyRounds(rounds: number): Collected {
  return { rounds: Array.from({ length: rounds }, () => undefined), errors: 0, withoutProgress: 0 }
}

function summary(target: TargetName, { rounds, ...rest }: Collected, base: Collected): Measured {
  const of = (key: keyof Round) => rounds.map((round) => round?.[key])
  const ratio = (key: keyof Round) =>
    ratioOf(
      of(key),
      base.rounds.map((round) => round?.[key]),
    )
  const rates = of("callsPerSecond").filter((rate) => rate !== undefined)
  return withoutUndefined({
    target,
    callsPerSecond: medianOf(of("callsPerSecond")),
    p50Us: medianOf(of("p50Us")),
    p99Us: medianOf(of("p99Us")),
    cpuUsPerCall: medianOf(of("cpuUsPerCall")),
    ratios: withoutUndefined({ callsPerSecond: ratio("callsPerSecond"), p50: ratio("p50Us"), p99: ratio("p99Us") }),
    spread: spread(rates),
    errors: rest.errors,
    error: rest.error,
    withoutProgress: rest.withoutProgress === 0 ? undefined : rest.withoutProgress,
    rounds: rounds.filter((round) => round !== undefined),
  })
}

type WithoutUndefined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** JSON has no undefined, and neither have the types of the results. */
function withoutUndefined<T extends object>(value: T): WithoutUndefined<T> {
  // Members that were undefined are gone; what is left has the type that is said.
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as WithoutUndefined<T>
}
