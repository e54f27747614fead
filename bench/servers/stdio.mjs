// node stdio.mjs [--name N] [--tools N] — the echo server over stdio: both generations, no dependencies, and one write
// for all requests that arrived together.
import { createAnswers, progressOf } from "./answers.mjs"
import { optionOf } from "./options.mjs"

const answer = createAnswers({ name: optionOf("name", "echo"), tools: Number(optionOf("tools", "2")) })
let rest = ""

process.stdin.setEncoding("utf8")
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n")
  rest = lines.pop()
  const out = lines.flatMap(answersOf).join("")
  if (out !== "") process.stdout.write(out)
})
process.stdin.on("end", () => process.exit(0))

function answersOf(line) {
  if (line === "") return []
  const message = JSON.parse(line)
  if (message.id === undefined || message.method === undefined) return []
  const progress = progressOf(message)
  const text = `${JSON.stringify({ jsonrpc: "2.0", id: message.id, ...answer(message) })}\n`
  return progress === undefined ? [text] : [`${JSON.stringify(progress)}\n`, text]
}
