/** A group of targets alive together in front of the same upstreams, for as long as `work` runs. */

import type { Era } from "./load.ts"
import { messageOf } from "./report.ts"
import type { Suite } from "./suite.ts"
import { startTarget, type Target, type TargetName, titleOf, unfit } from "./targets.ts"
import { openUpstreams, type UpstreamSpec } from "./upstreams.ts"

export interface Failure {
  readonly target: TargetName
  readonly error: string
}

export interface Group {
  readonly targets: readonly Target[]
  /** Targets that do not fit or did not start, with the reason. */
  readonly failures: readonly Failure[]
}

export interface GroupOptions {
  readonly specs: readonly UpstreamSpec[]
  readonly names: readonly TargetName[]
  readonly era?: Era
}

export async function withGroup<T>(
  suite: Suite,
  { specs, names, era = "legacy" }: GroupOptions,
  work: (group: Group) => Promise<T>,
): Promise<T> {
  const opened = await openUpstreams(specs)
  const targets: Target[] = []
  const failures: Failure[] = []
  try {
    for (const name of wanted(suite, names)) {
      const reason = unfit(name, opened.upstreams, era)
      if (reason !== undefined) continue
      try {
        targets.push(await startTarget(name, opened.upstreams, suite))
      } catch (error) {
        suite.log(`  ${titleOf(name)} did not start: ${messageOf(error).split("\n")[0]}`)
        failures.push({ target: name, error: messageOf(error) })
      }
    }
    return await work({ targets, failures })
  } finally {
    await suite.load.close()
    await Promise.all(targets.map((target) => target.stop()))
    await opened.stop()
  }
}

function wanted({ options }: Suite, names: readonly TargetName[]): readonly TargetName[] {
  return options.targets === undefined ? names : names.filter((name) => options.targets?.includes(name))
}
