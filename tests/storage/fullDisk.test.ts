/** A full disk: what is there stays as it was, and what needs room is refused. Needs root, for a disk of its own. */
import { execFileSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { expect, it } from "vitest"
import { fileStore, onEnd, temporaryFolder } from "./support.ts"

const isRoot = process.platform === "linux" && process.getuid?.() === 0
if (!isRoot) process.stderr.write("The test of a full disk is skipped: only root can mount one.\n")

it.skipIf(!isRoot)("a full disk leaves every record as it was", async () => {
  const disk = path.join(await temporaryFolder(), "disk")
  await mkdir(disk)
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk])
  onEnd(() => execFileSync("umount", [disk]))
  const store = await fileStore(path.join(disk, "store"))
  onEnd(() => store.close())
  await store.set("old", "value")
  await store.set("n", 1)
  await writeFile(path.join(disk, "filler"), Buffer.alloc(512 * 1024)).catch((error: { code?: string }) =>
    expect(error.code).toBe("ENOSPC"),
  )
  const full = { code: -31008, message: expect.stringContaining("the disk is full"), data: { sent: "no" } }
  await expect(store.set("old", "x".repeat(100_000))).rejects.toMatchObject(full)
  await expect(store.set("new", "x".repeat(100_000))).rejects.toMatchObject(full)
  expect(await store.get("old")).toBe("value")
  expect(await store.get("new")).toBeUndefined()
  expect(await store.keys()).toEqual(["n", "old"])
  execFileSync("rm", [path.join(disk, "filler")])
  expect(await store.increment("n")).toBe(2)
  expect(await store.set("old", "new value")).toBe(true)
})
