/**
 * What neither of FastMCP's suites has: a hung upstream, cancellation through the host, unmounting, reload in the middle of
 * calls, processes and sessions after the end. At the root and three manifests deep. (Cycles: tests/manifest/nested.test.ts. Secrets: tests/manifest/interpolate.test.ts, tests/telemetry/logger.test.ts and the fault rig. Servers
 * that come back: resilience.test.ts. Routing of completions and subscriptions: the other groups.)
 */
import { afterEach, describe, expect, it } from "vitest"
import { closeAll, ended, until } from "../rig.ts"
import { connect, inside, keysOf, mounted, seen, tool, unknown, upstreamKinds } from "./support.ts"

afterEach(closeAll)

describe.each(upstreamKinds)("Absent from both suites, %s", (kind) => {
  it("a hung call delays nobody and ends by its deadline; a cancelled one is cancelled at its server", async () => {
    const [hung, deep] = await Promise.all([
      mounted(kind, {}, { timeouts: { call: "700ms", total: "700ms" } }),
      mounted(kind, {}),
    ])
    const { client } = await connect({ servers: { s: hung.entry, a: await inside(deep.entry, ["b", "c", "d"]) } })
    const hanging = client.call("s_hang").catch((error: unknown) => error)
    expect(await client.json("s_wait", { ms: 1 })).toMatchObject({ name: "wait" })
    expect(await hanging).toMatchObject({ code: -31002, data: { server: "s", sent: "maybe" } })
    await until("the server is told", async () => (await seen(client, "s_", "cancelled"))["times"] === 1)
    const controller = new AbortController()
    const cancelled = client.call("a_b_c_d_hang", {}, { signal: controller.signal }).catch((error: unknown) => error)
    await until("it is under way", async () => (await seen(client, "a_b_c_d_", "tools/call"))["times"] === 1)
    controller.abort("enough")
    expect(await cancelled).toBeInstanceOf(Error)
    await until("it is cancelled", async () => (await seen(client, "a_b_c_d_", "cancelled"))["times"] === 1)
  })

  it("unmounted and replaced in the middle of calls, a server lets them end, and the others notice nothing", async () => {
    const [still, gone, changed] = await Promise.all(
      ["still", "gone", "old"].map((name) => mounted(kind, { tools: [tool(name)] })),
    )
    const replaced = await mounted(kind, { tools: [tool("new")] })
    const servers = { still: still?.entry, team: await inside(gone?.entry ?? {}, ["a", "b", "c"]), s: changed?.entry }
    const { client, rig } = await connect({ servers } as Parameters<typeof connect>[0])
    const before = [await gone?.pids(), await changed?.pids()].flat().filter((pid) => pid !== undefined)
    const waiting = [client.json("team_a_b_c_wait", { ms: 800 }), client.json("s_wait", { ms: 800 })]
    const beside = client.json("still_wait", { ms: 800 })
    for (const at of ["team_a_b_c_", "s_", "still_"])
      await until(`${at} is called`, async () => (await seen(client, at, "tools/call"))["times"] === 1)
    const edited = { host: { collisions: "error" }, servers: { still: still?.entry, s: replaced.entry } }
    await rig.edit(edited as Parameters<typeof rig.edit>[0])
    expect(await keysOf(client, "tools")).toEqual(["still_still", "s_new"])
    await unknown(client.call("team_a_b_c_gone"))
    expect(await client.json("s_new")).toMatchObject({ name: "new" })
    for (const result of await Promise.all([...waiting, beside]))
      expect(result).toMatchObject({ name: "wait", arguments: { ms: 800 } })
    await ended(before)
    expect(await seen(client, "still_", "tools/call")).toMatchObject({ times: 1 })
    await client.close()
    await rig.close()
    await ended([...((await still?.pids()) ?? []), ...(await replaced.pids())])
    // A session over HTTP is ended, not left to its server.
    for (const each of [gone, changed, still])
      await until("no session is left", () => (each?.http?.counts().sessions ?? 0) === 0)
  })
})
