/** What endpoints serve, with some of it done otherwise; of every profile likewise. */
import type { Served, ServedWithProfiles } from "../endpoints/served.ts"

type Changes = Partial<Pick<Served, "handle" | "readiness">>

export function withFace(served: ServedWithProfiles, change: (served: Served) => Changes): ServedWithProfiles {
  const faces = new WeakMap<Served, Served>()
  return {
    get serverInfo() {
      return served.serverInfo
    },
    profile(name) {
      const profile = served.profile?.(name)
      if (profile === undefined) return undefined
      const face = faces.get(profile) ?? withFace(profile, change)
      faces.set(profile, face)
      return face
    },
    handle: (request, context) => served.handle(request, context),
    tell: (client, notification) => served.tell(client, notification),
    watchTask: (id, context) => served.watchTask(id, context),
    tool: (client, name) => served.tool(client, name),
    connect: (client, options) => served.connect(client, options),
    readiness: () => served.readiness(),
    ...change(served),
  }
}
