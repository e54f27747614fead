/**
 * A Redis server for tests: finds `redis-server`, or installs Debian's package when it may, and starts it on a free port
 * without any file. Run it to see whether tests over Redis can run here: `npm run redis`.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { connect, createServer } from "node:net"
import { setTimeout as delay } from "node:timers/promises"

export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly process: ChildProcess
  stop(): Promise<void>
}

/** Makes sure there is a `redis-server`; returns the reason when there is none. */
export function ensureRedis(): string | undefined {
  if (hasRedis()) return undefined
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "no redis-server here, and only root can install it"
  try {
    // No runlevel starts services: tests have servers of their own.
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }
    const apt = (...args: string[]): void =>
      void execFileSync("apt-get", ["-o", "DPkg::Lock::Timeout=60", ...args], { env, stdio: "pipe", timeout: 120_000 })
    apt("update", "-qq")
    apt("install", "-y", "-qq", "--no-install-recommends", "redis-server")
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n")
    return `no redis-server here, and it could not be installed: ${line}`
  }
  return hasRedis() ? undefined : "no redis-server here, and its package brought none"
}

function hasRedis(): boolean {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Further ones of the server. */
  readonly flags?: readonly string[]
}

/** Starts a server; resolves when it accepts connections. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const own = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--repl-diskless-load",
    "swapdb",
  ]
  const flags = [...own, ...(options.flags ?? [])]
  const child = spawn("redis-server", flags, { stdio: "ignore" })
  // Whatever becomes of the tests, it does not outlive them.
  const kill = (): void => void child.kill("SIGKILL")
  process.once("exit", kill)
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve())).then(() => {
    process.off("exit", kill)
  })
  for (let tries = 0; !(await accepts(port)); tries += 1) {
    if (child.exitCode === null && tries < 600) await delay(50)
    else {
      child.kill("SIGKILL")
      throw new Error(`redis-server ended with ${child.exitCode ?? "no answer"}`)
    }
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    process: child,
    async stop() {
      child.kill("SIGKILL")
      await ended
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}

if (process.argv[1] === import.meta.filename) {
  const reason = ensureRedis()
  process.stdout.write(`${reason ?? execFileSync("redis-server", ["--version"], { encoding: "utf8" }).trim()}\n`)
  process.exitCode = reason === undefined ? 0 : 1
}
