// An SDK client for one upstream, given as `{ key, command }` or `{ key, url }`; for the gateways made of SDK parts.
export async function connect({ key, command, url }, { Client, StreamableHTTPClientTransport, StdioClientTransport }) {
  const client = new Client({ name: `bench-${key}`, version: "1.0.0" })
  const transport =
    url === undefined
      ? new StdioClientTransport({ command: command[0], args: command.slice(1) })
      : new StreamableHTTPClientTransport(new URL(url))
  await client.connect(transport)
  return client
}

/** The upstreams of the command line: `--upstreams '[{"key":…}]'`. */
export function upstreamsOf(argv) {
  return JSON.parse(argv[argv.indexOf("--upstreams") + 1])
}
