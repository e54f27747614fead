/** How the command line tells of components that clients do not get: of collisions, and of overrides that do not fit. */
import type { Collision, Withheld } from "../composition/types.ts"
import { HostError, hostErrors } from "../errors.ts"
import { ownTools } from "../host/catalogs.ts"
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
  const [server] = [kept.server, dropped.server].filter((each) => each !== ownTools)
  if (server !== undefined && (kept.server === ownTools || dropped.server === ownTools))
    return `${server} and the middleware of the manifest both expose ${what} (${server} calls it ${kept.server === server ? kept.key : dropped.key})`
  if (!isClash(collision))
    return `${kept.server} lists ${what} more than once, or its middleware adds one of that name (as ${kept.key}); the first counts`
  if (kept.server === dropped.server)
    return `${kept.server} exposes two components as ${what}: its ${kept.key} and its ${dropped.key}`
  return `${kept.server} and ${dropped.server} both expose ${what} (${kept.server} calls it ${kept.key}, ${dropped.server} ${dropped.key})`
}

/** What to do about it. Tools of middleware have no prefix. */
export function collisionHelp({ kept, dropped }: Collision): string {
  if (kept.server !== ownTools && dropped.server !== ownTools) return hostErrors.NAME_COLLISION.help
  return "Give the tool another name in the options of the middleware, or the server a prefix, or set host.collisions to first or last."
}

export function collisionError(collision: Collision): HostError {
  return new HostError("NAME_COLLISION", collisionText(collision), { help: collisionHelp(collision) })
}

export function winnerText({ kept, dropped }: Collision): string {
  if (kept.server === ownTools) return "that of the middleware counts"
  return kept.server === dropped.server ? `${kept.key} counts` : `${kept.server}'s counts`
}

export function withheldText({ server, kind, key, reason }: Withheld): string {
  return `the ${kindNames[kind].one} ${key} of ${server} is not offered: ${reason}`
}
