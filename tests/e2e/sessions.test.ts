/** Whose session is whose, how long it lasts, and which processes there are. */
import { afterEach, describe, expect, it } from "vitest"
import {
  clientKinds,
  closeAll,
  connectStdio,
  ended,
  fixture,
  httpServer,
  isAlive,
  pidFile,
  startHttp,
  until,
} from "./rig.ts"

afterEach(closeAll)

describe("sessions", () => {
  it.each(clientKinds)("over run --stdio take one process a server (%s)", async (kind) => {
    const [one, two] = [await pidFile(), await pidFile()]
    const servers = {
      one: { mount: fixture("v1-stdio.mjs", { PID_FILE: one.file }) },
      two: { mount: fixture("v2-stdio.mjs", { PID_FILE: two.file }) },
    }
    const client = await connectStdio({ servers }, kind)
    for (let round = 0; round < 2; round += 1) {
      await client.list("tools/list", "tools")
      for (const key of ["one", "two"]) {
        await client.call(`${key}_echo`, { text: "hi" })
        await client.call(`${key}_ask`)
        await client.request("resources/read", { uri: `test://${key}/a` })
      }
      await client.listenTo(["test://one/a", "test://two/a"])
    }
    const pids = [...(await one.pids()), ...(await two.pids())]
    // With `auto` the SDK itself starts the program twice: once to ask, which it ends soon, and once to stay.
    if (kind !== "v2 auto") expect(pids).toHaveLength(2)
    await until("two are left", () => pids.filter(isAlive).length === 2)
    await client.close()
    await ended([...pids, client.pid ?? 0].filter((pid) => pid > 0))
  })

  it("of clients over HTTP are their own, and end with them", async () => {
    const web = await httpServer("v1")
    const { file, pids } = await pidFile()
    const rig = await startHttp({
      servers: { stdio: { mount: fixture("v1-stdio.mjs", { PID_FILE: file }) }, web: { mount: { url: web.url } } },
    })
    const clients = [await rig.connect("v1"), await rig.connect("v1"), await rig.connect("v2 legacy")]
    const own = await Promise.all(clients.map((client) => client.json("stdio_whoami").then(({ pid }) => pid as number)))
    expect(new Set(own).size).toBe(3)
    const ids = await Promise.all(clients.map((client) => client.json("web_whoami").then((facts) => facts.sessionId)))
    expect(new Set(ids).size).toBe(3)
    for (const [index, client] of clients.entries()) {
      expect((await client.json("stdio_whoami")).pid).toBe(own[index])
      expect((await client.json("web_whoami")).sessionId).toBe(ids[index])
    }
    const sessions = web.counts().sessions
    const [first] = clients
    await first?.leave()
    await ended([own[0] ?? 0])
    await until("its session at the HTTP server ends", () => web.counts().sessions === sessions - 1)
    for (const pid of own.slice(1)) expect(isAlive(pid)).toBe(true)
    expect((await clients[1]!.json("stdio_whoami")).pid).toBe(own[1])
    await Promise.all(clients.slice(1).map((client) => client.leave()))
    await ended(own)
    const all = await pids()
    await rig.close()
    await ended(all)
  })

  it("end when they are idle, and begin again with the next call", async () => {
    const rig = await startHttp({ servers: { stdio: { mount: fixture("v1-stdio.mjs"), idleTimeout: "400ms" } } })
    const client = await rig.connect("v1")
    const { pid } = await client.json("stdio_whoami")
    const busy = client.call("stdio_slow", { ms: 1_200, steps: 1 })
    expect(await busy).toMatchObject({ content: [{ text: "slept 1200" }] })
    await ended([pid])
    expect((await client.json("stdio_whoami")).pid).not.toBe(pid)
  })

  it("that are shared are one for all, which can ask nobody", async () => {
    const { file, pids } = await pidFile()
    const mount = fixture("v1-stdio.mjs", { PID_FILE: file })
    const rig = await startHttp({ servers: { stdio: { mount, session: "shared" } } })
    const clients = await Promise.all(clientKinds.map((kind) => rig.connect(kind)))
    const seen = await Promise.all(clients.map((client) => client.json("stdio_whoami").then(({ pid }) => pid)))
    expect(new Set(seen).size).toBe(1)
    for (const client of clients) {
      expect(await client.call("stdio_ask")).toMatchObject({ isError: true })
      expect(client.asked).toEqual([])
      await client.leave()
    }
    expect(await pids()).toHaveLength(1)
    expect(isAlive(seen[0])).toBe(true)
  })

  it.each(clientKinds)("per call last for one call (%s)", async (kind) => {
    const rig = await startHttp({ servers: { stdio: { mount: fixture("v1-stdio.mjs"), session: "per-call" } } })
    const client = await rig.connect(kind)
    const seen = await Promise.all([1, 2, 3].map(() => client.json("stdio_whoami").then(({ pid }) => pid as number)))
    expect(new Set(seen).size).toBe(3)
    await ended(seen)
    expect(await client.json("stdio_ask")).toMatchObject({ action: "accept" })
  })
})
