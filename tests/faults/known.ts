/** What is required and does not hold yet, with the reason. An entry that holds again has to go. */
const sse = "the SDK's client of the deprecated transport ends the connection at a message it cannot take"

/** By row or figure, where, and what goes wrong. */
export const known: Readonly<Record<string, string>> = {
  "F12, sse: Invalid UTF-8, a bare NUL": sse,
  "F14, sse: Answers with ids that are unknown or of another type": sse,
  "F16, sse: A result and an error at once": sse,
}
