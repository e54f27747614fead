/** What a client does in each scenario. What it finds is in the lists: the suite's servers say what can be called. */
import type { Client } from "@modelcontextprotocol/client"

/** What the suite hands to some scenarios. */
export interface ScenarioContext {
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: Record<string, unknown> }[]
}

export type Play = (client: Client, context: ScenarioContext) => Promise<void>

const list: Play = async (client) => {
  await client.listTools()
}

export const scenarios: Readonly<Record<string, Play | undefined>> = {
  initialize: list,
  "request-metadata": list,
  "json-schema-ref-no-deref": list,
  tools_call: async (client) => {
    await client.listTools()
    await client.callTool({ name: "add_numbers", arguments: { a: 5, b: 3 } })
  },
  "elicitation-sep1034-client-defaults": (client) => callEach(client, ["test_client_elicitation_defaults"]),
  "sse-retry": (client) => callEach(client, ["test_reconnection"]),
  "sep-2322-client-request-state": (client) =>
    callEach(client, ["test_mrtr_echo_state", "test_mrtr_no_state", "test_mrtr_unrelated", "test_mrtr_no_result_type"]),
  "json-schema-2020-12-preservation": async (client) => {
    const { tools } = await client.listTools()
    const schema = tools.find(({ name }) => name === "json_schema_2020_12_tool")?.inputSchema
    await client.callTool({ name: "json_schema_echo", arguments: { schema } })
  },
  "http-standard-headers": useEverything,
  "http-custom-headers": async (client, { toolCalls = [] }) => {
    await client.listTools()
    for (const call of toolCalls) await client.callTool(call)
  },
  "http-invalid-tool-headers": async (client) => {
    const { tools } = await client.listTools()
    for (const { name } of tools) await client.callTool({ name, arguments: { region: "us-west1" } })
  },
}

async function callEach(client: Client, names: readonly string[]): Promise<void> {
  await client.listTools()
  for (const name of names) await client.callTool({ name, arguments: {} })
}

async function useEverything(client: Client): Promise<void> {
  const { tools } = await client.listTools()
  for (const { name } of tools) await client.callTool({ name, arguments: {} })
  const { resources } = await client.listResources()
  for (const { uri } of resources) await client.readResource({ uri })
  const { prompts } = await client.listPrompts()
  for (const { name } of prompts) await client.getPrompt({ name })
}
