import { chmodSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { hostErrors } from "../../src/errors.ts"
import { loadManifest } from "../../src/manifest/load.ts"
import { ManifestError } from "../../src/manifest/manifestError.ts"
import { failure, folder, problems } from "./support.ts"

describe("reading the file", () => {
  const codeOf = async (file: string) => {
    const error = await loadManifest(file, { env: {} }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ManifestError)
    return error as ManifestError
  }

  test("missing", async () => {
    const error = await codeOf(join(folder({}), "none.yaml"))
    expect(error.code).toBe("MANIFEST_NOT_FOUND")
    expect(error.message).toContain("does not exist")
    expect(error.help).toBe(hostErrors.MANIFEST_NOT_FOUND.help)
    expect(error.format({ color: false })).toContain("help: Pass the path")
  })

  test("a folder", async () => {
    expect((await codeOf(folder({}))).code).toBe("MANIFEST_UNREADABLE")
  })

  test("below a file", async () => {
    expect((await codeOf(join(folder({ a: "" }), "a/b.yaml"))).code).toBe("MANIFEST_NOT_FOUND")
  })

  test("a device", async () => {
    expect((await codeOf("/dev/zero")).code).toBe("MANIFEST_UNREADABLE")
  })

  test("a pipe nobody writes to", async () => {
    const { execFileSync } = await import("node:child_process")
    const pipe = join(folder({}), "pipe")
    execFileSync("mkfifo", [pipe])
    expect((await codeOf(pipe)).code).toBe("MANIFEST_UNREADABLE")
  })

  test("a path with a NUL character", async () => {
    expect((await codeOf("a\0b")).code).toBe("MANIFEST_UNREADABLE")
  })

  test("no permission", async (context) => {
    if (process.getuid?.() === 0) {
      context.skip("permissions do not bind root; run as another user to test this")
    }
    const file = join(folder({ "x.yaml": "servers: {}" }), "x.yaml")
    chmodSync(file, 0)
    const error = await codeOf(file)
    expect([error.code, error.message]).toEqual(["MANIFEST_UNREADABLE", expect.stringContaining("permission denied")])
  })

  test("too large", async () => {
    const error = await failure(`#${"x".repeat(1024 * 1024)}`)
    expect(error.code).toBe("MANIFEST_TOO_LARGE")
    expect(error.message).toContain("is larger than 1024 KiB")
  })

  test.each([
    [
      "invalid UTF-8",
      Buffer.from([0x61, 0x3a, 0x0a, 0xc3, 0xa9, 0xff]),
      /^2:2 MANIFEST_SYNTAX .*is not valid UTF-8 here$/,
    ],
    ["a character cut off at the end", Buffer.from([0x61, 0xc3]), /^1:2 MANIFEST_SYNTAX/],
    ["UTF-16", Buffer.from("\uFEFFa: 1", "utf16le"), /^1:1 MANIFEST_UNREADABLE .*is UTF-16; save it as UTF-8$/],
    [
      "NUL",
      Buffer.from("a: 1\nb\0"),
      /^2:2 MANIFEST_SYNTAX the manifest must be text, found the control character U\+0000$/,
    ],
    ["escape codes", "a: \x1b[31m", /^1:4 MANIFEST_SYNTAX .*U\+001B$/],
  ])("%s", async (_, text, expected) => {
    expect(await problems(text)).toEqual([expect.stringMatching(expected)])
  })
})
