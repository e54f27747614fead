/** How far a request to an HTTP server has got: named by the error when its deadline passes, and decides how it is given up. */
import type { Phase } from "../wire/channel.ts"

export const phases = {
  connecting: { reason: "there was no connection yet", sent: "no" },
  waiting: { reason: "the server had asked to come again later", sent: "no" },
  asked: { reason: "the headers of the response did not come", sent: "maybe" },
  reading: { reason: "the response began and did not end", sent: "maybe" },
  resuming: { reason: "the response broke off and was to be resumed", sent: "maybe" },
} as const satisfies Readonly<Record<string, Phase>>
