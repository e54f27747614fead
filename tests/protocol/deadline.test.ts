import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { Deadline } from "../../src/protocol/deadline.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const limits = { idleMs: 100, totalMs: 1_000 }

it("expires once, after the idle time", () => {
  const expired = vi.fn()
  new Deadline(limits, expired)
  vi.advanceTimersByTime(99)
  expect(expired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(expired).toHaveBeenCalledExactlyOnceWith({ reason: "no answer within 100 ms", sent: "maybe", retryable: true })
})

it("never waits longer than the total, whatever the idle time", () => {
  const expired = vi.fn()
  new Deadline({ idleMs: 5_000, totalMs: 300 }, expired)
  vi.advanceTimersByTime(300)
  expect(expired).toHaveBeenCalledTimes(1)
})

it("starts the idle time again with every extension, up to the total", () => {
  const expired = vi.fn()
  const deadline = new Deadline(limits, expired)
  for (let step = 0; step < 11; step += 1) {
    vi.advanceTimersByTime(90)
    deadline.extend()
  }
  expect(expired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(10)
  expect(expired).toHaveBeenCalledTimes(1)
  deadline.stop()
})

it("pauses the idle time until as many resumes", () => {
  const expired = vi.fn()
  const deadline = new Deadline(limits, expired)
  deadline.pause()
  deadline.pause()
  vi.advanceTimersByTime(300)
  deadline.resume()
  vi.advanceTimersByTime(300)
  expect(expired).not.toHaveBeenCalled()
  deadline.resume()
  vi.advanceTimersByTime(99)
  expect(expired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(expired).toHaveBeenCalledTimes(1)
  deadline.stop()
})

it("does not pause the total time", () => {
  const expired = vi.fn()
  const deadline = new Deadline(limits, expired)
  vi.advanceTimersByTime(50)
  deadline.pause()
  vi.advanceTimersByTime(949)
  expect(expired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(expired).toHaveBeenCalledTimes(1)
  deadline.stop()
})

it("leaves nothing behind once stopped", () => {
  const expired = vi.fn()
  const deadline = new Deadline(limits, expired)
  deadline.extend()
  deadline.stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(10_000)
  expect(expired).not.toHaveBeenCalled()
})
