/** Serves an SDK v2 server in this process in the modern generation, through the SDK's own entry. */
export async function attachModern(server: unknown, transport: unknown): Promise<() => Promise<void>> {
  const { serveStdio } = await import("@modelcontextprotocol/server/stdio")
  // The entry knows a high-level server by its class, and the package's copy of the SDK may be another than ours; the
  // low-level server inside is known by its shape.
  const low = (server as { server?: unknown }).server ?? server
  const handle = serveStdio(() => low as never, { transport: transport as never, legacy: "reject" })
  return () => handle.close()
}

/** True when the manifest's `era` asks for the modern generation. */
export function isModernSetting(era: string): boolean {
  return era === "modern"
}

/** What a server instance speaks over the one connection it can have. */
export const instanceEra = "legacy"
