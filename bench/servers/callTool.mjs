// `tools/call` of the echo server for the in-process packages, with the progress notification when it was asked for.
import { createAnswers, progressOf } from "./answers.mjs"

const answer = createAnswers()

export async function callTool(name, args, { _meta, notify }) {
  const params = { name, arguments: args, _meta: { progressToken: _meta?.progressToken } }
  const progress = progressOf({ params })
  if (progress !== undefined) await notify({ method: progress.method, params: progress.params })
  return answer({ method: "tools/call", params }).result
}
