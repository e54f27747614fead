/** Tools that answer at once: one per kind of content, an error, and two whose input schemas are the point. */
import { type CallToolResult, fromJsonSchema, type McpServer } from "@modelcontextprotocol/server"
import { pngBase64, wavBase64 } from "./samples.ts"

const image = { type: "image", data: pngBase64, mimeType: "image/png" } as const

const results: Readonly<Record<string, CallToolResult>> = {
  test_simple_text: textResult("This is a simple text response for testing."),
  test_image_content: { content: [image] },
  test_audio_content: { content: [{ type: "audio", data: wavBase64, mimeType: "audio/wav" }] },
  test_embedded_resource: {
    content: [
      {
        type: "resource",
        resource: {
          uri: "test://embedded-resource",
          mimeType: "text/plain",
          text: "This is an embedded resource content.",
        },
      },
    ],
  },
  test_multiple_content_types: {
    content: [
      { type: "text", text: "Multiple content types test:" },
      image,
      {
        type: "resource",
        resource: {
          uri: "test://mixed-content-resource",
          mimeType: "application/json",
          text: '{"test":"data","value":123}',
        },
      },
    ],
  },
}

export function registerContentTools(server: McpServer): void {
  for (const [name, result] of Object.entries(results)) {
    server.registerTool(name, { description: `Always returns the same content (${name})` }, async () => result)
  }
  server.registerTool("test_error_handling", { description: "Always fails" }, async () => {
    throw new Error("This tool intentionally returns an error for testing")
  })
  server.registerTool(
    "json_schema_2020_12_tool",
    { description: "Has an input schema with the vocabulary of JSON Schema 2020-12", inputSchema: vocabulary },
    async (args) => textResult(`Called with ${JSON.stringify(args)}`),
  )
  server.registerTool(
    "test_x_mcp_header",
    { description: "Has an argument that is mirrored in the header Mcp-Param-Region", inputSchema: mirrored },
    async ({ region = "none" }) => textResult(`region ${region}`),
  )
}

export function textResult(text: string): CallToolResult {
  return { content: [{ type: "text", text }] }
}

// The suite compares these keywords one by one; a zod schema would write them in its own way.
const vocabulary = fromJsonSchema<Record<string, unknown>>({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
})

const region = { type: "string", "x-mcp-header": "Region" } as const

const mirrored = fromJsonSchema<{ region?: string; level?: number }>({
  type: "object",
  properties: { region, level: { type: "integer" } },
})
