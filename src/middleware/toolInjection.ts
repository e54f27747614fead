/**
 * `toolInjection`: further tools. Those that the manifest describes answer with a text, with JSON, or as another tool of
 * the host does; a module adds what it wants.
 */
import { HostError, messageOf } from "../errors.ts"
import type { InjectedTool, ToolInjectionOptions } from "../manifest/middleware/toolInjection.ts"
import { ProtocolError, rpcCodes } from "../protocol/errors.ts"
import { isJsonObject, type JsonObject, type JsonValue, objectAt } from "../protocol/json.ts"
import { fillIn, placeholdersIn } from "../protocol/placeholders.ts"
import { counted, failedResult, forward, pick, readOnly, structuredResult, textResult } from "./addedTools.ts"
import { defineMiddleware } from "./define.ts"
import { guardedTool } from "./guarded.ts"
import type { AddedTool, MiddlewareDeps } from "./types.ts"

/** The options, with what the module that they name exports. */
export type LoadedToolInjection = ToolInjectionOptions & { readonly imported?: unknown }

export const toolInjection = defineMiddleware<LoadedToolInjection>({
  name: "toolInjection",
  create({ tools = [], module, options = {}, imported }, deps) {
    const described = tools.map((tool) => injected(tool, deps.server))
    const made = module === undefined ? [] : toolsOf(imported, { module, options, deps })
    const { metrics, server } = deps
    return { tools: counted([...described, ...made], { metrics, name: "tool_injection", server }) }
  },
})

function injected(tool: InjectedTool, server: string | undefined): AddedTool {
  const inputSchema = tool.inputSchema ?? schemaOf(tool)
  const { text, json, call } = tool
  const isFixed = call === undefined
  return {
    definition: {
      ...pick(tool as JsonObject, ["name", "title", "description"]),
      name: tool.name,
      inputSchema,
      ...pick(tool as JsonObject, ["outputSchema"]),
      ...((tool.annotations ?? isFixed) && { annotations: { ...(isFixed && readOnly), ...tool.annotations } }),
    },
    async call(args, about) {
      const missing = requiredBy(inputSchema).find((name) => !Object.hasOwn(args, name))
      if (missing !== undefined) return failedResult(`The argument ${missing} is missing.`)
      if (json !== undefined) return structuredResult(json)
      if (call === undefined) return textResult(text ?? "")
      const name = about.exposed("tool", call) ?? (server === undefined ? call : undefined)
      if (name === undefined)
        throw new ProtocolError(rpcCodes.invalidParams, `${tool.name} calls the tool ${call}, which is not there`)
      // Without a template, what it is given.
      const filled = tool.arguments === undefined ? args : (fillIn(tool.arguments, args) as JsonObject)
      return forward("tools/call", { name, arguments: filled }, about)
    },
  }
}

/** Of the arguments in braces, which may be anything; without a template the other tool's are not known. */
function schemaOf({ call, arguments: template }: InjectedTool): JsonObject {
  if (call !== undefined && template === undefined) return { type: "object" }
  const names = [...new Set(placeholdersIn(template ?? {}).map(({ name }) => name))]
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, {}])),
    ...(names.length > 0 && { required: names }),
    additionalProperties: false,
  }
}

function requiredBy(schema: JsonObject): string[] {
  const { required } = schema
  return Array.isArray(required) ? required.filter((name): name is string => typeof name === "string") : []
}

interface Making {
  readonly module: string
  readonly options: JsonObject
  readonly deps: MiddlewareDeps
}

/** What a module gives: a list of tools, or a function that makes one of its options. */
function toolsOf(imported: unknown, { module, options, deps }: Making): AddedTool[] {
  const unusable = (what: string, cause?: unknown): HostError =>
    new HostError("MIDDLEWARE_UNUSABLE", `The tools of ${module} cannot be added: ${what}`, {
      cause,
      help: "Its default export is a list of tools, or a function that gives one at once; docs/middleware/toolInjection.md shows both.",
    })
  let tools: unknown = imported
  try {
    if (typeof imported === "function") tools = imported(options, deps)
  } catch (error) {
    throw unusable(messageOf(error), error)
  }
  if (!Array.isArray(tools)) throw unusable("it gives no list")
  return tools.map((tool: unknown, at) => {
    if (!isAddedTool(tool)) throw unusable(`item ${at} has no definition with a name and an inputSchema, or no call`)
    return guardedTool(tool, `toolInjection (${module})`, deps.logger)
  })
}

function isAddedTool(value: unknown): value is AddedTool {
  if (typeof value !== "object" || value === null) return false
  const { definition, call } = value as { definition?: JsonValue; call?: unknown }
  return (
    isJsonObject(definition) &&
    typeof definition["name"] === "string" &&
    objectAt(definition, "inputSchema") !== undefined &&
    typeof call === "function"
  )
}
