/** What a test costs the process it runs in, measured while it runs. */
export interface LoadProbe {
  /** Most processor time spent between two turns of the event loop, in milliseconds: waiting for a busy machine is none. */
  longestTurnMs: number
  /** Most that the resident memory has grown by, in bytes. */
  growth: number
  stop(): void
}

/**
 * Growth no test may reach, in bytes: a fraction of the hundreds of megabytes it is sent, and far above what the tests
 * that share its process leave to collect. The figure promised is measured by the fault rig, in a process of its own.
 */
export const farTooMuch = 200 * 1024 * 1024

export function probeLoad(): LoadProbe {
  const rss = process.memoryUsage.rss()
  let cpu = process.cpuUsage()
  const look = (): void => {
    const { user, system } = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    probe.longestTurnMs = Math.max(probe.longestTurnMs, (user + system) / 1_000)
    probe.growth = Math.max(probe.growth, process.memoryUsage.rss() - rss)
  }
  const timer = setInterval(look, 5)
  const stop = (): void => {
    clearInterval(timer)
    look()
  }
  const probe: LoadProbe = { longestTurnMs: 0, growth: 0, stop }
  return probe
}
