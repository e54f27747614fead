/** `promptsAsTools`: two tools, one that lists prompts and one that fills one in, for clients that only know tools. */
import { middlewareDefaults } from "../manifest/middleware/defaults.ts"
import type { PromptsAsToolsOptions } from "../manifest/middleware/promptsAsTools.ts"
import { isJsonObject, type JsonObject, objectAt, objectsAt, stringAt } from "../protocol/json.ts"
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

const fallback = middlewareDefaults.promptsAsTools

export const promptsAsTools = defineMiddleware<PromptsAsToolsOptions>({
  name: "promptsAsTools",
  create({ listName = fallback.listName, getName = fallback.getName }, { metrics, server }) {
    const tools = [lister(listName, getName, server), getter({ listName, getName, server })]
    return { tools: counted(tools, { metrics, name: "prompts_as_tools", server }) }
  },
})

function lister(name: string, getName: string, server: string | undefined): AddedTool {
  const text = { type: "string" }
  const argument = {
    type: "object",
    properties: { name: text, title: text, description: text, required: { type: "boolean" } },
    required: ["name"],
  }
  const prompt = {
    type: "object",
    properties: {
      ...{ name: text, title: text, description: text },
      arguments: { type: "array", items: argument },
    },
    required: ["name"],
  }
  return {
    definition: {
      name,
      title: "List prompts",
      description: `Lists the prompts there are, prepared instructions for a task, with their arguments. Get one with ${getName}.`,
      inputSchema: { type: "object", properties: {}, additionalProperties: false },
      outputSchema: {
        type: "object",
        properties: { prompts: { type: "array", items: prompt } },
        required: ["prompts"],
      },
      annotations: readOnly,
    },
    async call(_args, about) {
      const prompts = await listAll("prompt", about, server)
      return structuredResult({
        prompts: prompts.map((each) => ({
          ...pick(each, ["name", "title", "description"]),
          ...(Array.isArray(each["arguments"]) && {
            arguments: objectsAt(each, "arguments").map((one) =>
              pick(one, ["name", "title", "description", "required"]),
            ),
          }),
        })),
      })
    },
  }
}

interface Getting {
  readonly listName: string
  readonly getName: string
  readonly server: string | undefined
}

function getter({ listName, getName, server }: Getting): AddedTool {
  const advice = `${listName} says which prompts there are, and their arguments.`
  return {
    definition: {
      name: getName,
      title: "Get a prompt",
      description: `Gives the messages of a prompt that ${listName} lists, with its arguments filled in.`,
      inputSchema: {
        type: "object",
        properties: {
          name: { type: "string", description: "The name of the prompt." },
          arguments: {
            type: "object",
            description: "Its arguments by name; their values are texts.",
            additionalProperties: { type: "string" },
          },
        },
        required: ["name"],
      },
      annotations: readOnly,
    },
    async call(args, about) {
      const name = stringAt(args, "name")
      if (name === undefined) return failedResult(`The argument name is missing: give the name of a prompt. ${advice}`)
      if (server !== undefined && about.owner("prompt", name) !== server)
        return failedResult(`Unknown prompt: ${name}. ${advice}`)
      try {
        const filled = objectAt(args, "arguments")
        const params = { name, ...(filled !== undefined && { arguments: asTexts(filled) }) }
        const result = await forward("prompts/get", params, about)
        return asksFirst(result) ? result : readable(result)
      } catch (error) {
        return correctable(error, advice)
      }
    },
  }
}

/** Arguments of prompts are texts; models give numbers as numbers. */
function asTexts(filled: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(filled).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  )
}

/** The messages of a prompt as the content of a tool's result, each after a line that says whose it is. One of the user alone needs none. */
function readable({ value }: McpResult): McpResult {
  const { messages: _messages, description: _description, ...rest } = value
  const messages = objectsAt(value, "messages")
  const isOneOfUser = messages.length === 1 && messages[0]?.["role"] === "user"
  return { value: { ...rest, content: messages.flatMap((message) => blocksOf(message, isOneOfUser)) } }
}

function blocksOf(message: JsonObject, isAlone: boolean): JsonObject[] {
  const { role, content } = message
  const blocks = (Array.isArray(content) ? content : [content]).filter(isJsonObject)
  if (isAlone) return blocks
  const [first, ...others] = blocks
  const speaker = `[${String(role)}]`
  if (first?.["type"] === "text") return [{ ...first, text: `${speaker} ${String(first["text"])}` }, ...others]
  return [{ type: "text", text: speaker }, ...blocks]
}
