// node spawnAll.mjs --upstreams JSON — the floor for a cold start: spawns the servers, initializes and lists them, all at
// once, and prints the time (milliseconds of the epoch) and the number of tools.
import { spawn } from "node:child_process"
import { optionOf } from "../servers/options.mjs"

const children = []
const lists = await Promise.all(JSON.parse(optionOf("upstreams", "[]")).map(({ command }) => listOf(command)))
const tools = lists.reduce((sum, list) => sum + list.length, 0)
process.stdout.write(`${JSON.stringify({ at: performance.timeOrigin + performance.now(), tools })}\n`)
for (const child of children) child.kill()

async function listOf([file, ...args]) {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] })
  children.push(child)
  const initialize = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bare", version: "1.0.0" },
  }
  const waiting = new Map()
  let rest = ""
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop()
    for (const message of lines.map((line) => JSON.parse(line))) waiting.get(message.id)?.(message.result)
  })
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
  const ask = (id, method, params) =>
    new Promise((resolve) => {
      waiting.set(id, resolve)
      send({ id, method, params })
    })
  await ask(1, "initialize", initialize)
  send({ method: "notifications/initialized" })
  return (await ask(2, "tools/list", {})).tools
}
