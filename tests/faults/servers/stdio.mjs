// node stdio.mjs --fault F6 --name key --log file [--era modern] — the fault server over standard streams.
import { optionOf } from "../../../bench/servers/options.mjs"
import { createFaultServer } from "./faults.mjs"

const { stdin, stdout } = process
const frame = (text) => Buffer.from(`${text}\n`)
const write = (bytes) => stdout.write(bytes)
const send = (message) => write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)

const port = {
  transport: "stdio",
  frame,
  write,
  answer: send,
  tell: send,
  announce: send,
  done: () => undefined,
  cut: () => process.exit(1),
  drained: () => new Promise((resolve) => stdout.once("drain", resolve)),
  flood(bytes, piece) {
    const chunk = Buffer.alloc(piece, "x")
    const next = (left) => {
      if (left > 0) stdout.write(chunk, () => next(left - piece))
    }
    next(bytes)
  },
}

stdin.on("end", () => process.exit(0))
stdout.on("error", () => process.exit(0))
const server = createFaultServer({
  name: optionOf("name", "stdio"),
  fault: optionOf("fault", ""),
  era: optionOf("era", "legacy"),
  log: optionOf("log", undefined),
})
server.before?.(write)

let rest = ""
stdin.setEncoding("utf8").on("data", (chunk) => {
  const lines = (rest + chunk).split("\n")
  rest = lines.pop()
  for (const line of lines) if (line !== "") server.message(JSON.parse(line), port)
})
