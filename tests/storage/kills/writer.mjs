/**
 * A process that changes an encrypted file store until it is killed, or `rounds` times. It says on standard output what
 * it is about to do and what is done, each line written before it goes on.
 *
 *   node writer.mjs <folder of the code> <extension> <folder of the store> <name> [rounds]
 */
import { randomUUID } from "node:crypto"
import { writeSync } from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"

const [code, extension, folder, name, rounds = "Infinity"] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(path.join(code, `${file}.${extension}`)).href)
const { openFileStore } = await load("storage/file")
const { openEncrypted } = await load("storage/encrypted")
const say = (...words) => writeSync(1, `${words.join(" ")}\n`)
const warn = (message) => say("warning", message)

const file = await openFileStore({ name: "killed", folder, warn })
const store = await openEncrypted(file, { name: "killed", encrypt: "k".repeat(40), previousKeys: [] })

/** Between the words that are looked for: a half record shows. */
const recordOf = (n) => ({ n, text: `PLAINTEXT-${"x".repeat((n * 97) % 5000)}-END` })

for (let round = 0; round < Number(rounds); round += 1) {
  const key = `${name}/PLAINKEY/${round % 3}`
  const n = ((await store.get(key))?.n ?? 0) + 1
  say("begin", "set", key, n)
  await store.set(key, recordOf(n))
  say("end", "set", key, n)
  say("begin", "count")
  await store.increment("count")
  say("end", "count")
  say("begin", "add")
  for (;;) {
    const { value, version } = await store.getVersioned("sum")
    if (await store.set("sum", (value ?? 0) + 1, { ifVersion: version })) break
  }
  say("end", "add")
  const ticket = randomUUID()
  await store.set("ticket", ticket)
  const taken = await store.take("ticket")
  if (taken !== undefined) say("taken", taken)
}
await store.close()
say("closed")
