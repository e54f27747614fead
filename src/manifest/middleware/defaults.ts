/** What options of the host's own middleware are when they are not given. The schemas and the reference show these. */
export const middlewareDefaults = {
  errors: { mask: "internal" },
  timing: { slow: "5s", level: "debug" },
  resourcesAsTools: { listName: "list_resources", readName: "read_resource", content: "text" },
  promptsAsTools: { listName: "list_prompts", getName: "get_prompt" },
} as const
