/** What options of the host's own middleware are when they are not given. The schemas and the reference show these. */
export const middlewareDefaults = {
  errors: { mask: "internal" },
  timing: { slow: "5s", level: "debug" },
} as const
