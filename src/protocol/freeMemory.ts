/**
 * Gives the memory of pieces back at once. Left to the collector it counts as garbage outside the heap, and every 20 MB of
 * that make V8 mark the whole heap, which costs more than all the rest of a large result.
 */
import type { Pieces } from "./pieces.ts"

let nowhere: InstanceType<typeof MessagePort> | undefined

/**
 * The pieces must be nobody's any more: they are empty from now on. Pieces that share their memory with other bytes are
 * left alone.
 */
export function freeMemory(pieces: Pieces): void {
  const whole: ArrayBuffer[] = []
  for (const { buffer, length } of pieces) {
    if (length > 0 && length === buffer.byteLength) whole.push(buffer as ArrayBuffer)
  }
  if (whole.length === 0) return
  // What is transferred through a port that is closed arrives nowhere: on Node 20 there is no other way to let go of it
  // (`ArrayBuffer.prototype.transfer` comes with 21).
  nowhere ??= closedPort()
  nowhere.postMessage(undefined, whole)
}

function closedPort(): InstanceType<typeof MessagePort> {
  const { port1 } = new MessageChannel()
  port1.close()
  return port1
}
