// The stdio child behind the forwarders: whole lines in, one write per turn of the event loop out.
import { spawn } from "node:child_process"

export function startChild(command, line) {
  const [file, ...args] = command
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] })
  child.on("exit", (code) => process.exit(code ?? 1))
  process.on("SIGTERM", () => {
    child.removeAllListeners("exit")
    child.kill()
    process.exit(0)
  })
  let chunks = []
  child.stdout.on("data", (chunk) => {
    let from = 0
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      chunks.push(chunk.subarray(from, at))
      line(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
      chunks = []
      from = at + 1
    }
    if (from < chunk.length) chunks.push(chunk.subarray(from))
  })
  let out = ""
  const flush = () => {
    const text = out
    out = ""
    child.stdin.write(text)
  }
  return (text) => {
    if (out === "") setImmediate(flush)
    out += `${text}\n`
  }
}
