/** The same host, with telemetry looking at each request that an endpoint gives it. Called by `cli/run`. */
import type { Served, ServedWithProfiles } from "../endpoints/served.ts"
import type { Observer } from "../telemetry/types.ts"

export function withObserver(served: ServedWithProfiles, observer: Observer): ServedWithProfiles {
  const faces = new WeakMap<Served, Served>()
  return {
    get serverInfo() {
      return served.serverInfo
    },
    profile(name) {
      const profile = served.profile?.(name)
      if (profile === undefined) return undefined
      const face = faces.get(profile) ?? withObserver(profile, observer)
      faces.set(profile, face)
      return face
    },
    handle: (request, context) => observer.request(request, context, served.handle),
    tell: (client, notification) => served.tell(client, notification),
    watchTask: (id, context) => served.watchTask(id, context),
    tool: (client, name) => served.tool(client, name),
    connect: (client) => served.connect(client),
    readiness: () => served.readiness(),
  }
}
