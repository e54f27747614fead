// Preloaded into the host (`node --import edge.mjs …`): writes to EDGE_LOG when a call reaches the listener and when its
// answer has left, as node:http itself tells. The host's own code is not touched.
import { subscribe } from "node:diagnostics_channel"
import { appendFileSync } from "node:fs"

const file = process.env.EDGE_LOG
const calls = new WeakMap()
let lines = []

const note = (what, call) => {
  lines.push(JSON.stringify({ at: Date.now(), pid: process.pid, what, call }))
  if (lines.length === 1) setTimeout(write, 20)
}
const write = () => {
  if (lines.length > 0) appendFileSync(file, `${lines.join("\n")}\n`)
  lines = []
}
process.once("exit", write)

subscribe("http.server.request.start", ({ request, response }) => {
  if (request.method !== "POST") return
  let text = ""
  // Beside the host's own listener: both are there before the first byte.
  request.on("data", (chunk) => {
    if (text.length < 4_096) text += chunk.toString("latin1")
  })
  request.on("end", () => {
    const call = /"call":"(c\d+)"|\/thing\/(c\d+)"/.exec(text)
    if (call === null) return
    calls.set(response, call[1] ?? call[2])
    note("in", call[1] ?? call[2])
  })
})
subscribe("http.server.response.finish", ({ response }) => {
  const call = calls.get(response)
  if (call !== undefined) note("out", call)
})
