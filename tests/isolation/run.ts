/** `npm run test:isolation -- --clients 500 --calls 100000`: the isolation rig at full size, with its figures. */
import { parseArgs } from "node:util"
import { closeAll } from "../e2e/rig.ts"
import { runLoad } from "./load.ts"

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "500" },
    calls: { type: "string", default: "100000" },
    "stdio-clients": { type: "string", default: "20" },
    lanes: { type: "string", default: "2" },
  },
})

async function main(): Promise<number> {
  const figures = await runLoad({
    clients: Number(values.clients),
    calls: Number(values.calls),
    stdioClients: Number(values["stdio-clients"]),
    lanes: Number(values.lanes),
    progress: (done) => done % 10_000 === 0 && print(`${done} calls`),
  }).finally(closeAll)
  const { clients, calls, good, messages, questions, progress, logs, updates, foreign, misplaced, failed, seconds } =
    figures
  print(`clients ${clients} (half legacy, half modern), calls ${calls}, with their own answers ${good}`)
  print(
    `messages received ${messages}: questions ${questions}, progress ${progress}, log lines ${logs}, updates ${updates}`,
  )
  print(`foreign canaries found ${foreign.length}, own on the stream of another own call ${misplaced}`)
  print(`${seconds.toFixed(1)} s, ${Math.round(calls / seconds)} calls/s`)
  for (const [reason, times] of failed) print(`failed ${times}: ${reason}`)
  for (const line of foreign.slice(0, 20)) print(line)
  return foreign.length === 0 && good === calls ? 0 : 1
}

process.exit(await main())
