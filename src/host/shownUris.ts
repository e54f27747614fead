/**
 * Remembers whose URIs results have shown that carry no prefix (`http(s)` and `uris: none`), so that they can be read
 * back. Bounded: the least recently shown are forgotten.
 */
import type { ResolvedUri } from "../composition/types.ts"

const most = 10_000

export class ShownUris {
  readonly #owners = new Map<string, string>()

  remember(uri: string, server: string): void {
    this.#owners.delete(uri)
    this.#owners.set(uri, server)
    if (this.#owners.size <= most) return
    const [oldest] = this.#owners.keys()
    if (oldest !== undefined) this.#owners.delete(oldest)
  }

  /** The server that showed a URI, unless a filter of it hides the URI. */
  ownerOf(uri: string, allows: (server: string, uri: string) => boolean): ResolvedUri | undefined {
    const server = this.#owners.get(uri)
    return server !== undefined && allows(server, uri) ? { server, uri } : undefined
  }
}
