/** The right of one process to write an audit log, held as long as it writes. A process that was killed has it no more. */
import path from "node:path"
import { messageOf } from "../../errors.ts"
import { FileLocks, LockHeldError } from "../../storage/fileLocks.ts"

/** How long another process may take to leave. */
const waitMs = 1_000
/** Sooner than another machine could take the seat for abandoned. */
const renewMs = 30_000

export interface Seat {
  leave(): Promise<void>
}

/** Throws when another process has it. `report` is told why the right could not be renewed. */
export async function takeSeat(file: string, report: (reason: string) => void): Promise<Seat> {
  const locks = await FileLocks.open(`${file}.lock`, { waitMs })
  let leave = (): void => undefined
  const left = new Promise<void>((resolve) => {
    leave = resolve
  })
  let held: Promise<void> | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      held = locks.withLock("seat", async () => {
        resolve()
        await left
      })
      held.catch(reject)
    })
  } catch (error) {
    await locks.close()
    if (!(error instanceof LockHeldError)) throw error
    throw new Error(`process ${error.pid} writes ${path.basename(file)}; give each host a file of its own`)
  }
  // Taking any lock shows that this process lives.
  const renew = (): void => {
    locks.withLock("alive", async () => undefined).catch((error: unknown) => report(messageOf(error)))
  }
  const timer = setInterval(renew, renewMs)
  timer.unref()
  await locks.sweep()
  return {
    async leave() {
      clearInterval(timer)
      leave()
      await held
      await locks.close()
    },
  }
}
