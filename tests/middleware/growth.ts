/** How time grows with the length of a text. Counts the time of the processor, which no other process takes away. */
import { expect } from "vitest"

/** Fails when a text that is sixteen times as long takes clearly more than sixteen times as long. */
export function expectLinear(part: string, work: (text: string) => void): void {
  const time = (length: number): number => {
    const text = part.repeat(Math.ceil(length / part.length))
    const runs = Array.from({ length: 3 }, () => {
      const from = process.cpuUsage()
      work(text)
      return process.cpuUsage(from).user / 1000
    })
    return Math.min(...runs)
  }
  // A square would be 256 times.
  const [short, long] = [time(4_000), time(64_000)]
  expect(long, JSON.stringify(part)).toBeLessThan(Math.max(short, 1) * 100)
}
