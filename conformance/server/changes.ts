import type { McpServer } from "@modelcontextprotocol/server"

/** How often the lists of tools and prompts have been changed, and who has to hear of it. */
export type ChangedList = "tools" | "prompts"

export interface Changes {
  count(list: ChangedList): number
  bump(list: ChangedList): void
  /** Returns the function that ends it. */
  subscribe(listener: (list: ChangedList) => void): () => void
}

export function createChanges(): Changes {
  const counts = { tools: 0, prompts: 0 }
  const listeners = new Set<(list: ChangedList) => void>()
  return {
    count: (list) => counts[list],
    bump(list) {
      counts[list] += 1
      for (const listener of [...listeners]) listener(list)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Calls `changed` after each change of the list, until the server's connection ends. */
export function follow(server: McpServer, changes: Changes, on: { list: ChangedList; changed: () => void }): void {
  const end = changes.subscribe((list) => {
    if (list === on.list) on.changed()
  })
  const { onclose } = server.server
  server.server.onclose = () => {
    end()
    onclose?.()
  }
}
