/**
 * What the behavioural groups share: one server whose lists the test writes, over every kind of upstream, behind a host whose
 * manifest the test edits, composed flat or inside other manifests.
 */
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { expect } from "vitest"
import { closers } from "../../fixtures/harness.ts"
import { createComposable, createShared } from "../../fixtures/servers/composable.mjs"
import { type HttpFixture, startHttpFixture } from "../../fixtures/servers/http.mjs"
import { fixture, type HttpRig, type ManifestText, pidFile, startHttp, temporaryFolder } from "../rig.ts"
import type { Json, TestClient } from "../testClient.ts"

export const upstreamKinds = ["in process", "stdio", "HTTP"] as const
export type UpstreamKind = (typeof upstreamKinds)[number]

/** The lists of the protocol, with the member that identifies what is in them. */
export const lists = {
  tools: { list: "tools/list", id: "name", changed: "notifications/tools/list_changed" },
  prompts: { list: "prompts/list", id: "name", changed: "notifications/prompts/list_changed" },
  resources: { list: "resources/list", id: "uri", changed: "notifications/resources/list_changed" },
  resourceTemplates: {
    ...{ list: "resources/templates/list", id: "uriTemplate", changed: "notifications/resources/list_changed" },
  },
} as const
export type ListName = keyof typeof lists
export const listNames = Object.keys(lists) as ListName[]

export const tool = (name: string, more: Json = {}): Json => ({ name, inputSchema: { type: "object" }, ...more })
export const prompt = (name: string, more: Json = {}): Json => ({ name, arguments: [{ name: "who" }], ...more })
export const resource = (name: string, more: Json = {}): Json => ({ uri: `data://${name}`, name, ...more })
export const template = (name: string, more: Json = {}): Json => ({ uriTemplate: `data://${name}/{id}`, name, ...more })
export const component = { tools: tool, prompts: prompt, resources: resource, resourceTemplates: template } as const
/** One of each, of one name. */
export const each = (name: string, more: Json = {}): Record<ListName, Json[]> => ({
  tools: [tool(name, more)],
  prompts: [prompt(name, more)],
  resources: [resource(name, more)],
  resourceTemplates: [template(name, more)],
})

export interface Mounted {
  /** The server entry. */
  readonly entry: Json
  /** Processes of it that were started; none for what runs in the host or by itself. */
  pids(): Promise<number[]>
  readonly http: HttpFixture | undefined
}

const program = "composable.mjs"

/** The server with these lists, over a kind of upstream; `more` is the rest of its entry. */
export async function mounted(
  kind: UpstreamKind,
  given: Partial<Record<ListName, Json[]>>,
  more: Json = {},
): Promise<Mounted> {
  const none = { pids: async () => [], http: undefined }
  if (kind === "in process") {
    const file = path.resolve(import.meta.dirname, "../../fixtures/servers", program)
    return { ...none, entry: { mount: file, ...more, config: { lists: given, ...more["config"] } } }
  }
  if (kind === "stdio") {
    const { file, pids } = await pidFile()
    const mount = fixture(program, { LISTS: JSON.stringify(given), PID_FILE: file })
    return { entry: { mount, ...more }, pids, http: undefined }
  }
  const shared = createShared(given)
  const http = await startHttpFixture("v1", { create: () => createComposable({ shared }) })
  closers.push(() => http.close())
  return { ...none, http, entry: { mount: { url: http.url }, ...more } }
}

/** Writes a manifest and gives the entry that composes it. */
export async function nested(servers: Json, host: Json = {}): Promise<Json> {
  const file = path.join(await temporaryFolder(), "nested.yaml")
  await writeFile(file, JSON.stringify({ host, servers }))
  return { mount: { manifest: file } }
}

/** An entry inside as many manifests as there are keys, the outermost first. */
export async function inside(entry: Json, keys: readonly string[]): Promise<Json> {
  let current = entry
  for (const key of [...keys].reverse()) current = await nested({ [key]: current })
  return current
}

/** A client that declares nothing: the connection that the host has anyway is its own. */
export async function connect(manifest: ManifestText): Promise<{ rig: HttpRig; client: TestClient }> {
  const rig = await startHttp({ ...manifest, host: { collisions: "error", ...manifest.host } })
  return { rig, client: await rig.connect("v1", { capabilities: {} }) }
}

export async function keysOf(client: TestClient, name: ListName): Promise<string[]> {
  const { list, id } = lists[name]
  const { items } = await client.list(list, name)
  return items.map((item) => String(item[id])).filter((key) => !/(^|_)(set|touch|seen|hang|wait|give)$/.test(key))
}

/** What the server got of a request. */
export function seen(client: TestClient, before: string, method: string): Promise<Json> {
  return client.json(`${before}seen`, { method })
}

/** Makes use of a component in the way of its kind. */
export function use(client: TestClient, name: ListName, key: string): Promise<Json> {
  if (name === "tools") return client.call(key, {})
  if (name === "prompts") return client.request("prompts/get", { name: key, arguments: {} })
  return client.request("resources/read", { uri: key.replace("{id}", "7") })
}

export async function unknown(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toMatchObject({ code: expect.toSatisfy((code) => code === -32602 || code === -32002) })
}
