/**
 * The schema of `mcp-host.yaml`: the one place that says which keys there are. Checked by `problems.ts`, printed as
 * JSON Schema by `jsonSchema.ts` and as a page by `reference.ts`. It changes no value, so input and output are alike;
 * rules between keys are in `checks.ts`.
 */

import * as z from "zod/mini"
import { defaults } from "./defaults.ts"
import {
  choice,
  duration,
  facts,
  flag,
  listOf,
  mapping,
  optional,
  pattern,
  required,
  text,
  webUrl,
  whole,
} from "./fields.ts"
import { middlewareSchema } from "./middleware/schema.ts"
import { defaultsSchema, profileSchema, serverKeyPattern, serverSchema } from "./serverSchema.ts"
import { storageSchema } from "./storageSchema.ts"
import { telemetrySchema } from "./telemetrySchema.ts"

const icon = mapping({
  src: required(text(), {
    description: "An `https:` or `data:` URL, or a local file, which becomes a `data:` URI.",
    examples: ["./icon.png"],
  }),
  mimeType: optional(text(), {
    description: "Its media type.",
    absent: "by the file's ending",
    examples: ["image/png"],
  }),
  sizes: optional(listOf(pattern(/^(\d+x\d+|any)$/, 'a size such as 48x48, or "any"'), "a list of sizes"), {
    description: "The sizes it is meant for.",
    examples: [["48x48"]],
  }),
  theme: optional(choice(["light", "dark"]), { description: "The background it is made for." }),
})

const host = mapping({
  name: optional(text(), { description: "`serverInfo.name`.", default: defaults.host.name, examples: ["workbench"] }),
  title: optional(text(), { description: "`serverInfo.title`, for people.", examples: ["My workbench"] }),
  version: optional(text(), {
    description: "`serverInfo.version`.",
    default: defaults.host.version,
    examples: ["2.1.0"],
  }),
  instructions: optional(text(), {
    description: "Placed before the merged instructions of the servers.",
    examples: ["Prefer notes_search before web lookups."],
  }),
  websiteUrl: optional(webUrl(), { description: "`serverInfo.websiteUrl`.", examples: ["https://example.com"] }),
  icons: optional(listOf(icon, "a list of icons"), { description: "`serverInfo.icons`." }),
  separator: optional(choice(["_", "__", "-", "."]), {
    description: 'Between prefix and name. Write `"-"` in quotes: a bare dash is a list in YAML.',
    default: defaults.host.separator,
  }),
  nameBudget: optional(whole(16, 128), {
    description: "Longest exposed tool or prompt name; longer ones are shortened with a stable hash.",
    default: defaults.host.nameBudget,
  }),
  collisions: optional(choice(["error", "first", "last"]), {
    description:
      "When two servers claim one name or URI: refuse to start, or keep the first or last in the order of the file.",
    default: defaults.host.collisions,
  }),
  cache: optional(text("the path of a folder"), {
    description:
      "A folder for what servers showed last, relative to the manifest and made when it is missing. While servers start, `run` answers first lists from it; each server's real catalogue replaces it as soon as it is taken.",
    absent: "none is kept",
    examples: ["./.mcp-host-cache"],
  }),
})

const hostNames = (of: string) => listOf(text(of), "a list of texts")

const http = mapping({
  host: optional(text(), { description: "The address to listen on.", default: defaults.http.host }),
  port: optional(whole(0, 65535), {
    description: "The port to listen on; 0 lets the system choose.",
    default: defaults.http.port,
  }),
  path: optional(pattern(/^\/[A-Za-z0-9._~/-]*$/, 'a path beginning with "/", without query'), {
    description: "The path of the endpoint. `/healthz`, `/readyz` and `/metrics` are taken.",
    default: defaults.http.path,
  }),
  allowedHosts: optional(hostNames("a host name"), {
    description: "Values of `Host` allowed besides the loopback names.",
    default: [],
    examples: [["mcp.example.com"]],
  }),
  allowedOrigins: optional(hostNames("an origin"), {
    description: "Values of `Origin` allowed besides the loopback names.",
    default: [],
    examples: [["https://app.example.com"]],
  }),
  publicUrl: optional(webUrl(), {
    description: "Where clients reach the endpoint, when something stands in front of it.",
    examples: ["https://mcp.example.com"],
  }),
  insecure: optional(flag(), {
    description: "`true` lets the endpoint listen beyond this machine without authentication of its own.",
    default: defaults.http.insecure,
  }),
  maxConnections: optional(whole(1, 1_000_000), {
    description: "Connections at once; the next is answered 503.",
    default: defaults.http.maxConnections,
  }),
  maxConnectionsPerAddress: optional(whole(1, 1_000_000), {
    description:
      "The same of one address; this machine's own has no limit. Raise it when a proxy on another machine stands in front.",
    default: defaults.http.maxConnectionsPerAddress,
  }),
})

const eraWords = "a list of legacy and modern"

const endpoint = mapping({
  drain: optional(duration(), {
    description: "How long the end of the process waits for calls in flight.",
    default: defaults.endpoint.drain,
  }),
  http: optional(http, { description: "The HTTP listener." }),
  eras: optional(listOf(choice(["legacy", "modern"]), eraWords).check(z.minLength(1, eraWords)), {
    description: "The protocol generations to speak: `legacy` is up to 2025-11-25, `modern` is 2026-07-28.",
    default: [...defaults.endpoint.eras],
  }),
})

const security = mapping({
  lock: optional(choice(["enforce", "warn", "off"]), {
    description:
      "What happens to components that are not as the lock has them: `enforce` hides them, `warn` logs them. `enforce` needs a lock file, which `mcp-host lock` writes.",
    absent: "`warn` when there is a lock file, else `off`",
  }),
})

const include = optional(listOf(text("a path, of which * may be a part"), "a list of paths"), {
  description:
    "Files whose `servers`, `profiles` and `include` are merged into the manifest. `*` stands for any part of a file or folder name. Paths in an included file start at its own folder; `.env` is the manifest's.",
  default: [],
  examples: [["./more/*.yaml"]],
})

export const manifestSchema = mapping({
  host: optional(host, { description: "How the host presents itself and composes names." }),
  endpoint: optional(endpoint, { description: "Where and how clients connect." }),
  security: optional(security, { description: "What the host makes sure of before clients see anything." }),
  storage: optional(storageSchema, {
    description:
      "Stores, by name, for servers in process and for the host. The one named `default` is used unless another is chosen.",
  }),
  middleware: optional(middlewareSchema, {
    description: "What surrounds every request, outermost first. It sees the names and URIs that clients see.",
    default: [],
    examples: [["errors", { timing: { slow: "2s" } }]],
  }),
  telemetry: optional(telemetrySchema, { description: "What the host tells of itself besides its log." }),
  defaults: optional(defaultsSchema, { description: "Policy for all servers; what a server says itself wins." }),
  servers: required(z.record(z.string(), serverSchema, { error: "a mapping of server keys to servers" }), {
    description: "The servers, by key. Lists show them in the order of the file.",
    propertyNames: { pattern: serverKeyPattern.source },
  }),
  profiles: optional(
    z.record(z.string(), profileSchema, { error: "a mapping of profile names to profiles" }).register(facts, {
      propertyNames: { pattern: serverKeyPattern.source },
    }),
    { description: "Further endpoints over the same servers, by name." },
  ),
  include,
})

export type ManifestInput = z.infer<typeof manifestSchema>
export type HostInput = NonNullable<ManifestInput["host"]>
export type TelemetryInput = NonNullable<ManifestInput["telemetry"]>
export type EndpointInput = NonNullable<ManifestInput["endpoint"]>
export type ProfileInput = NonNullable<ManifestInput["profiles"]>[string]
export type ServerInput = ManifestInput["servers"][string]
export type PolicyInput = NonNullable<ManifestInput["defaults"]>
export type TargetInput = NonNullable<ServerInput["mount"]>
