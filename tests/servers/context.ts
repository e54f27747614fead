/** What the host hands a sub-server, for tests: a real store, a temporary folder, tear-downs as the host runs them. */
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import type { JsonObject } from "../../src/protocol/json.ts"
import { createMemoryStore } from "../../src/storage/memory.ts"
import type { ServerContext, ServerLogger } from "../../src/upstreams/serverContext.ts"

export interface TestContext {
  readonly context: ServerContext
  /** Aborts `signal`, runs the tear-downs in reverse order and removes the context's folder. Idempotent. */
  close(): Promise<void>
}

/** `context.directory` is a fresh temporary folder. Log lines are dropped. */
export async function createTestContext(config: JsonObject, env: Record<string, string> = {}): Promise<TestContext> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), "mcp-host-server-")))
  const controller = new AbortController()
  const teardowns: Array<() => void | Promise<void>> = []
  let closed: Promise<void> | undefined
  const tearDown = async (): Promise<void> => {
    controller.abort()
    const failures: unknown[] = []
    for (const teardown of teardowns.reverse()) {
      try {
        await teardown()
      } catch (error) {
        failures.push(error)
      }
    }
    await rm(directory, { recursive: true, force: true })
    if (failures.length > 0) throw new AggregateError(failures, "A tear-down failed")
  }
  const context: ServerContext = {
    config,
    env,
    directory,
    logger: silentLogger,
    storage: createMemoryStore(),
    signal: controller.signal,
    onClose: (teardown) => {
      teardowns.push(teardown)
    },
  }
  return {
    context,
    close: () => {
      closed ??= tearDown()
      return closed
    },
  }
}

const silentLogger: ServerLogger = { debug() {}, info() {}, warn() {}, error() {} }
