/** How the command line tells of components that clients do not get: of collisions, and of overrides that do not fit. */
import type { Collision, Withheld } from "../composition/types.ts"
import { HostError } from "../errors.ts"
import type { LevelCollision } from "../host/inspect.ts"
import { kindNames } from "./kinds.ts"

/** Two components claim one name or URI. A server that lists one name twice clashes with nobody. */
export function isClash({ kept, dropped }: Collision): boolean {
  return kept.server !== dropped.server || kept.key !== dropped.key
}

/** A clash that the manifest does not allow. */
export function isError(collision: LevelCollision): boolean {
  return collision.policy === "error" && isClash(collision)
}

export function collisionText(collision: Collision): string {
  const { kind, key, kept, dropped } = collision
  const what = `the ${kindNames[kind].one} ${key}`
  if (!isClash(collision)) return `${kept.server} lists ${what} more than once (as ${kept.key}); the first counts`
  if (kept.server === dropped.server)
    return `${kept.server} exposes two components as ${what}: its ${kept.key} and its ${dropped.key}`
  return `${kept.server} and ${dropped.server} both expose ${what} (${kept.server} calls it ${kept.key}, ${dropped.server} ${dropped.key})`
}

export function collisionError(collision: Collision): HostError {
  return new HostError("NAME_COLLISION", collisionText(collision))
}

export function winnerText({ kept, dropped }: Collision): string {
  return kept.server === dropped.server ? `${kept.key} counts` : `${kept.server}'s counts`
}

export function withheldText({ server, kind, key, reason }: Withheld): string {
  return `the ${kindNames[kind].one} ${key} of ${server} is not offered: ${reason}`
}
