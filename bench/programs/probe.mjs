// Preloaded into a measured process (`node --expose-gc --import probe.mjs …` with a process channel): answers `memory` with
// what is left after a collection, counts what is allocated between `start` and `stop`, and from `watch` on looks how long
// the event loop was held up, which `held` tells.
import { GCProfiler } from "node:v8"

/** Between two looks at the event loop, in milliseconds. */
const turnMs = 5

let profiler
let used = 0
const longest = { wallMs: 0, workMs: 0 }

const operations = {
  memory() {
    for (let time = 0; time < 4; time += 1) globalThis.gc?.()
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
    return { rss, heapUsed, external, arrayBuffers }
  },
  start() {
    profiler = new GCProfiler()
    profiler.start()
    used = process.memoryUsage().heapUsed
  },
  // What collections freed, and what the heap grew by: together, what was allocated.
  stop() {
    const grown = process.memoryUsage().heapUsed - used
    const { statistics } = profiler.stop()
    const freed = statistics.map(({ beforeGC, afterGC }) => usedOf(beforeGC) - usedOf(afterGC))
    return { allocated: grown + freed.reduce((sum, each) => sum + each, 0), collections: statistics.length }
  },
  watch() {
    let [at, cpu] = [performance.now(), process.cpuUsage()]
    setInterval(() => {
      const { user, system } = process.cpuUsage(cpu)
      const wallMs = performance.now() - at - turnMs
      longest.wallMs = Math.max(longest.wallMs, wallMs)
      // What a busy machine makes a process wait is no work of the process.
      longest.workMs = Math.max(longest.workMs, Math.min(wallMs, (user + system) / 1_000))
      ;[at, cpu] = [performance.now(), process.cpuUsage()]
    }, turnMs).unref()
  },
  // Since it was last asked.
  held() {
    const held = { ...longest }
    Object.assign(longest, { wallMs: 0, workMs: 0 })
    return held
  },
}

function usedOf({ heapStatistics }) {
  return heapStatistics.usedHeapSize
}

process.on("message", ({ probe }) => {
  if (probe === undefined) return
  process.send({ probe, value: operations[probe]() })
})
process.channel?.unref()
