/** The prompt `summarize`: one note, embedded, and what to do with it. */
import { completable, type McpServer, ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server"
import * as z from "zod"
import { icons } from "./icons.ts"
import { NoteError } from "./noteError.ts"
import { toUri } from "./noteNames.ts"
import type { Note, NoteStore } from "./noteStore.ts"
import { completeNames } from "./resources.ts"

const styles = ["one sentence", "short paragraph", "bullet points", "action items"]

export function registerPrompts(server: McpServer, store: NoteStore): void {
  server.registerPrompt(
    "summarize",
    {
      title: "Summarize a note",
      description: "Asks for a summary of one note, with the note attached.",
      argsSchema: z.object({
        name: completable(z.string().describe("The note's name"), (value) => completeNames(store, value)),
        style: completable(z.string().max(200).describe("How to summarize; a short paragraph by default"), (value) =>
          styles.filter((style) => style.startsWith(value.toLowerCase())),
        ).optional(),
      }),
      icons: icons.note,
      _meta: { tags: ["public"] },
    },
    async ({ name, style = "short paragraph" }) => {
      const note = await readForPrompt(store, name)
      const text = `Summarize the attached note "${note.title}". Style: ${style}. Keep names, dates and open questions; add nothing that is not in the note.`
      const resource = { uri: toUri(note.name), mimeType: "text/markdown", text: note.text }
      return {
        description: `Summary of "${note.title}"`,
        messages: [
          { role: "user", content: { type: "text", text } },
          { role: "user", content: { type: "resource", resource } },
        ],
      }
    },
  )
}

async function readForPrompt(store: NoteStore, name: string): Promise<Note> {
  try {
    return await store.read(name)
  } catch (error) {
    if (error instanceof NoteError) throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
    throw error
  }
}
