/**
 * `resourcesAsTools`: two tools, one that lists resources and templates and one that reads them, for clients that only
 * know tools. They see and reach what the client itself does.
 */
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { ResourcesAsToolsOptions } from "../manifest/middleware/resourcesAsTools.ts"
import { type JsonObject, objectsAt, stringAt } from "../protocol/json.ts"
import type { McpResult } from "../protocol/messages.ts"
import {
  asksFirst,
  correctable,
  counted,
  failedResult,
  forward,
  listAll,
  pick,
  readOnly,
  structuredResult,
} from "./addedTools.ts"
import { defineMiddleware } from "./define.ts"
import type { AddedTool } from "./types.ts"

const fallback = middlewareDefaults.resourcesAsTools

export const resourcesAsTools = defineMiddleware<ResourcesAsToolsOptions>({
  name: "resourcesAsTools",
  create(
    { listName = fallback.listName, readName = fallback.readName, content = fallback.content },
    { metrics, server },
  ) {
    const tools = [lister(listName, readName, server), reader({ listName, readName, content, server })]
    return { tools: counted(tools, { metrics, name: "resources_as_tools", server }) }
  },
})

const resourceMembers = ["uri", "name", "title", "description", "mimeType", "size"]
const templateMembers = ["uriTemplate", "name", "title", "description", "mimeType"]

function lister(name: string, readName: string, server: string | undefined): AddedTool {
  return {
    definition: {
      name,
      title: "List resources",
      description: `Lists the resources there are, each with its URI, and the templates of further ones. Read one with ${readName}; for a template, fill in what stands in braces.`,
      inputSchema: { type: "object", properties: {}, additionalProperties: false },
      outputSchema: {
        type: "object",
        properties: { resources: listed("uri"), resourceTemplates: listed("uriTemplate") },
        required: ["resources", "resourceTemplates"],
      },
      annotations: readOnly,
    },
    async call(_args, about) {
      const resources = await listAll("resource", about, server)
      const templates = await listAll("resourceTemplate", about, server)
      return structuredResult({
        resources: resources.map((each) => pick(each, resourceMembers)),
        resourceTemplates: templates.map((each) => pick(each, templateMembers)),
      })
    },
  }
}

function listed(id: string): JsonObject {
  const text = { type: "string" }
  return {
    type: "array",
    items: {
      type: "object",
      properties: {
        ...{ [id]: text, name: text, title: text, description: text, mimeType: text },
        ...(id === "uri" && { size: { type: "number" } }),
      },
      required: [id],
    },
  }
}

interface Reading {
  readonly listName: string
  readonly readName: string
  readonly content: NonNullable<ResourcesAsToolsOptions["content"]>
  readonly server: string | undefined
}

function reader({ listName, readName, content, server }: Reading): AddedTool {
  const advice = `${listName} says which resources there are.`
  return {
    definition: {
      name: readName,
      title: "Read a resource",
      description: `Reads a resource by its URI, one that ${listName} lists or that a template there makes.`,
      inputSchema: {
        type: "object",
        properties: { uri: { type: "string", description: "The URI of the resource." } },
        required: ["uri"],
      },
      annotations: readOnly,
    },
    async call(args, about) {
      const uri = stringAt(args, "uri")
      if (uri === undefined) return failedResult(`The argument uri is missing: give the URI of a resource. ${advice}`)
      const owner = server === undefined ? undefined : about.owner("resource", uri)
      if (owner !== server && owner !== undefined) return failedResult(`Resource not found: ${uri}. ${advice}`)
      try {
        const result = await forward("resources/read", { uri }, about)
        return asksFirst(result) ? result : readable(result, content)
      } catch (error) {
        return correctable(error, advice)
      }
    },
  }
}

/** The contents of a resource as the content of a tool's result. */
function readable({ value }: McpResult, content: Reading["content"]): McpResult {
  const { contents: _contents, ttlMs: _ttlMs, cacheScope: _cacheScope, ...rest } = value
  return { value: { ...rest, content: objectsAt(value, "contents").map((each) => blockOf(each, content)) } }
}

function blockOf(contents: JsonObject, content: Reading["content"]): JsonObject {
  const text = stringAt(contents, "text")
  const blob = stringAt(contents, "blob")
  const mimeType = stringAt(contents, "mimeType")
  if (text !== undefined && content === "text") return { type: "text", text }
  const [, media] = /^(image|audio)\//.exec(mimeType ?? "") ?? []
  if (blob !== undefined && mimeType !== undefined && media !== undefined) return { type: media, data: blob, mimeType }
  return { type: "resource", resource: contents }
}
