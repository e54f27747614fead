/** What the results were measured on: nothing that names the machine or its folders. */
import { execFileSync } from "node:child_process"
import os from "node:os"
import path from "node:path"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly platform: string
  readonly node: string
}

export function describeMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: os.cpus().length,
    memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  }
}

/** The commit, with a plus when files differ from it. */
export function describeCommit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: path.resolve(import.meta.dirname, ".."), encoding: "utf8" }).trim()
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", "../src", "../package-lock.json")
    return `${git("rev-parse", "--short", "HEAD")}${changed === "" ? "" : "+"}`
  } catch {
    return "unknown"
  }
}
