/** The same host, with telemetry looking at each request that an endpoint gives it. Called by `cli/run`. */
import type { ServedWithProfiles } from "../endpoints/served.ts"
import type { Observer } from "../telemetry/types.ts"
import { withFace } from "./face.ts"

export function withObserver(served: ServedWithProfiles, observer: Observer): ServedWithProfiles {
  return withFace(served, ({ handle }) => ({
    handle: (request, context) => observer.request(request, context, handle),
  }))
}
