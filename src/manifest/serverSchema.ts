/** The schema of one server entry, and of `defaults`. */

import * as z from "zod/mini"
import { defaults } from "./defaults.ts"
import {
  choice,
  deadline,
  facts,
  flag,
  globs,
  listOf,
  mapping,
  optional,
  pattern,
  tagList,
  text,
  whole,
} from "./fields.ts"
import { middlewareSchema } from "./middleware/schema.ts"
import { overrides } from "./overrideSchema.ts"
import { targetSchema } from "./targetSchema.ts"

const globFilter = (what: string, over: string) => ({
  include: optional(globs(over), {
    description: `Keep only ${what} that match any of these globs.`,
    absent: "all",
  }),
  exclude: optional(globs(over), {
    description: `Drop ${what} that match any of these globs; wins over \`include\`.`,
    default: [],
    examples: [["delete_*"]],
  }),
})

const componentsOf = <const K extends "tools" | "prompts" | "resources">(kind: K, what: string, over: string) =>
  optional(mapping({ ...globFilter(what, over), override: overrides(kind, over) }), {
    description: `Which ${what} of the server to offer, by globs over ${over}, and how.`,
  })

const tagFilter = {
  include: optional(tagList(), {
    description: "Keep only components with any of these tags; untagged ones go.",
    absent: "all",
    examples: [["public"]],
  }),
  exclude: optional(tagList(), {
    description: "Drop components with any of these tags; wins over `include`.",
    default: [],
    examples: [["admin"]],
  }),
}

const tags = optional(
  mapping({
    ...tagFilter,
    assign: optional(z.record(text(), tagList(), { error: "a mapping of globs to lists of tags" }), {
      description: "Tags to add: globs over the server's own names and URIs, each with a list of tags.",
      default: {},
      examples: [{ "delete_*": ["write"] }],
    }),
  }),
  { description: "Filters by tag." },
)

const timeouts = optional(
  mapping({
    start: optional(deadline(), {
      description: "Until a starting server must be ready.",
      default: defaults.timeouts.start,
    }),
    list: optional(deadline(), { description: "Until a list must be answered.", default: defaults.timeouts.list }),
    call: optional(deadline(), {
      description: "Until a call must be answered; progress extends it.",
      default: defaults.timeouts.call,
    }),
    total: optional(deadline(), {
      description:
        "How far progress can extend a call. When only `call` is given and is longer, it is as long as `call`; when only `total` is given and is shorter, `call` is as short as `total`.",
      default: defaults.timeouts.total,
    }),
  }),
  { description: "Deadlines. In `defaults` and in a server they merge key by key." },
)

/** The keys that `defaults` may give for all servers. */
const policy = {
  uris: optional(choice(["path", "protocol", "none"]), {
    description:
      "Where exposed URIs put the prefix: `path` makes `scheme://<prefix>/rest`, `protocol` makes `<prefix>+scheme://rest`, `none` leaves them.",
    default: defaults.server.uris,
  }),
  session: optional(choice(["per-client", "shared", "per-call"]), {
    description: "Who shares a session with the server: nobody, all clients, or not even two calls.",
    default: defaults.server.session,
  }),
  onDown: optional(choice(["stale", "skip", "fail"]), {
    description:
      "While the server is down: `stale` keeps listing what it last offered, `skip` lists nothing of it, `fail` fails the lists.",
    default: defaults.server.onDown,
  }),
  required: optional(flag(), {
    description: "`true`: the host does not start without this server.",
    default: defaults.server.required,
  }),
  timeouts,
  start: optional(choice(["eager", "lazy"]), {
    description:
      "`lazy`: the server is started when a client first needs it, and stopped when nobody has used it for `idleTimeout`; what it listed stays listed. A `required` server starts at once all the same.",
    default: defaults.server.start,
  }),
  idleTimeout: optional(deadline(), {
    description: "How long an unused session of a client stays open, and how long a `lazy` server runs unused.",
    default: defaults.server.idleTimeout,
  }),
  concurrency: optional(whole(1, 10_000), {
    description: "How many calls, reads, prompts and completions the server works on at once, of all clients.",
    absent: "no limit",
    examples: [4],
  }),
  queue: optional(whole(0, 100_000), {
    description:
      "How many of them may wait when `concurrency` is reached, each up to `timeouts.call`; more are refused with -31006.",
    default: defaults.server.queue,
  }),
}

export const defaultsSchema = mapping(policy)

export const serverKeyPattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/

const targetFacts = { examples: ["./servers/notes", "some-package#createServer", "https://docs.example.com/mcp"] }

export const serverSchema = mapping({
  import: optional(targetSchema, {
    description:
      "The server, its catalogue taken once at start and frozen. Exactly one of `import` and `mount` is given.",
    ...targetFacts,
  }),
  mount: optional(targetSchema, {
    description: "The server, live: what it adds, removes or changes reaches clients at once.",
    ...targetFacts,
  }),
  enabled: optional(flag(), {
    description: "`false`: the server is not started. It stays in lists of servers, as `disabled`.",
    default: defaults.server.enabled,
  }),
  mode: optional(choice(["direct", "proxy"]), {
    description: "Only for packages. `proxy`: an MCP session and lifecycle of its own, in the same process.",
    default: defaults.server.mode,
  }),
  prefix: optional(pattern(/^[A-Za-z0-9_.-]*$/, 'made of letters, digits, "_", "-" and ".", or "" for no prefix'), {
    description: 'Put before the names and into the URIs of the server; `""` for none.',
    absent: "the server's key",
    examples: ["gh"],
  }),
  config: optional(z.record(z.string(), z.unknown(), { error: "a mapping" }), {
    description: "Only for packages. Handed to the factory of the sub-server.",
    default: {},
    examples: [{ dir: "./data" }],
  }),
  storage: optional(text("the name of a store"), {
    description: "Only for packages. The store that `context.storage` is a part of.",
    default: defaults.server.storage,
    examples: ["shared"],
  }),
  tags,
  tools: componentsOf("tools", "tools", "the server's own tool names"),
  prompts: componentsOf("prompts", "prompts", "the server's own prompt names"),
  resources: componentsOf("resources", "resources and resource templates", "the server's own URIs and URI templates"),
  middleware: optional(middlewareSchema, {
    description: "What surrounds requests to this server, outermost first. It sees the server's own names and URIs.",
    default: [],
    examples: [["timing"]],
  }),
  ...policy,
}).register(facts, {
  description: "One server. Its key is its name in logs and errors, and its prefix unless `prefix` says otherwise.",
  oneOf: [{ required: ["import"] }, { required: ["mount"] }],
})

const shownOf = (what: string) =>
  optional(mapping(globFilter(what, "the names and URIs that clients see")), {
    description: `Which ${what} the profile shows, by globs over the names and URIs that clients see.`,
  })

export const profileSchema = mapping({
  title: optional(text(), {
    description: "`serverInfo.title` of this endpoint.",
    absent: "the host's",
    examples: ["Read only"],
  }),
  instructions: optional(text(), {
    description: "Placed before the merged instructions of the servers it shows.",
    absent: "the host's",
    examples: ["Nothing here changes anything."],
  }),
  servers: optional(listOf(text("the key of a server"), "a list of server keys"), {
    description: "The servers it shows.",
    absent: "all",
    examples: [["notes", "docs"]],
  }),
  tags: optional(mapping(tagFilter), { description: "Which components it shows, by tag." }),
  tools: shownOf("tools"),
  prompts: shownOf("prompts"),
  resources: shownOf("resources and resource templates"),
}).register(facts, {
  description: "One further endpoint, at the path of the endpoint with the name of the profile after it.",
})
