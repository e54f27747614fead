/** Resources: text, binary, one to subscribe to, and a template. */
import { type McpServer, type ReadResourceResult, ResourceTemplate } from "@modelcontextprotocol/server"
import { pngBase64 } from "./samples.ts"

export function registerResources(server: McpServer): void {
  addText(server, "static-text", "This is the content of the static text resource.")
  addText(server, "watched-resource", "Somebody watches this.")
  server.registerResource(
    "static-binary",
    "test://static-binary",
    { description: "A picture", mimeType: "image/png" },
    async ({ href }) => ({ contents: [{ uri: href, mimeType: "image/png", blob: pngBase64 }] }),
  )
  server.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    { description: "One resource for each id", mimeType: "application/json" },
    async ({ href }, { id }) => ({
      contents: [{ uri: href, mimeType: "application/json", text: JSON.stringify({ id, data: `Data for ID: ${id}` }) }],
    }),
  )
  // The resources never change, so a legacy subscription is acknowledged and nothing else.
  server.server.setRequestHandler("resources/subscribe", async () => ({}))
  server.server.setRequestHandler("resources/unsubscribe", async () => ({}))
}

function addText(server: McpServer, name: string, text: string): void {
  server.registerResource(
    name,
    `test://${name}`,
    { description: `The text of ${name}`, mimeType: "text/plain" },
    async ({ href }): Promise<ReadResourceResult> => ({ contents: [{ uri: href, mimeType: "text/plain", text }] }),
  )
}
