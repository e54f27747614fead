// node catalogue.mjs --servers N --tools N --rounds N — composes a catalogue with the built composition room: anew, and
// again after one server's listing changed. Prints the medians in milliseconds.
import { composeCatalog, createSource } from "../../build/composition/compose.js"
import { optionOf } from "../servers/options.mjs"

const servers = Number(optionOf("servers", "100"))
const perServer = Number(optionOf("tools", "50"))
const rounds = Number(optionOf("rounds", "9"))
const listings = Array.from({ length: servers }, (_, server) => listing(server, 0))

const whole = []
const changed = []
for (let round = 0; round < rounds; round += 1) {
  const sources = listings.map((each, server) => createSource(rules(server), each))
  whole.push(timed(() => composeCatalog(sources, { collisions: "error" }), -1, 0))
  const server = round % servers
  const next = sources.with(server, createSource(rules(server), listing(server, round + 1)))
  changed.push(timed(() => composeCatalog(next, { collisions: "error" }), server, round + 1))
}
process.stdout.write(
  `${JSON.stringify({ tools: servers * perServer, servers, wholeMs: median(whole), changedMs: median(changed) })}\n`,
)

/** Every name is there, in order, owned by its server, with the description of its revision. */
function timed(work, changedServer, revision) {
  const began = performance.now()
  const { list, resolve, collisions } = work()
  const ms = performance.now() - began
  if (list("tool").length !== servers * perServer || collisions.length > 0) throw new Error("tools are missing")
  for (const [at, { key, origin, payload }] of list("tool").entries()) {
    const server = Math.floor(at / perServer)
    const expected = `revision ${server === changedServer ? revision : 0}.`
    const isRight = key === `s${server}_tool_${at % perServer}` && origin.server === `s${server}`
    if (!isRight || !payload.description.endsWith(expected) || resolve("tool", key)?.payload !== payload)
      throw new Error(`${key} is wrong`)
  }
  return ms
}

function rules(server) {
  return {
    server: `s${server}`,
    prefix: `s${server}`,
    separator: "_",
    nameBudget: 60,
    uris: "path",
    tags: {},
    tools: {},
    prompts: {},
    resources: {},
  }
}

function listing(server, revision) {
  const tool = Array.from({ length: perServer }, (_, at) => ({
    name: `tool_${at}`,
    description: `Tool ${at} of server ${server}, revision ${revision}.`,
    inputSchema: { type: "object", properties: { text: { type: "string" }, count: { type: "integer" } } },
  }))
  return { tool, prompt: [], resource: [], resourceTemplate: [] }
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
