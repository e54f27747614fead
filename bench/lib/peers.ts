/** The other gateways that npm has, at fixed versions. */
import { installPackage } from "./installPackage.ts"

export const peerVersions = {
  "mcp-hub": "4.2.1",
  "mcp-proxy": "6.7.19",
  supergateway: "4.0.0",
  fastmcp: "4.20.16",
  // Asks for Node 22.22.2 or newer.
  "mcp-use": "2.5.2",
} as const

export type Peer = keyof typeof peerVersions

/** The folder in which a peer is installed. */
export function installPeer(peer: Peer): Promise<string> {
  return installPackage(peer, peerVersions[peer])
}
