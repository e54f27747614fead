import { describe, expect, it } from "vitest"
import { Circuit, type CircuitRule, type Outcome } from "../../src/middleware/circuit.ts"

function createCircuit(rule: Partial<CircuitRule>) {
  let time = 1_000_000
  const circuit = new Circuit({ failures: undefined, rate: undefined, openMs: 1_000, ...rule }, () => time)
  const enter = () => {
    const ticket = circuit.enter()
    if (typeof ticket === "number") throw new Error(`refused for ${ticket} ms`)
    return ticket
  }
  return {
    circuit,
    enter,
    one: (outcome: Outcome) => circuit.leave(enter(), outcome),
    pass: (ms: number): void => {
      time += ms
    },
  }
}

describe("failures in a row", () => {
  it("open it for a time; then one request decides", () => {
    const { circuit, enter, one, pass } = createCircuit({ failures: 3 })
    expect([one("failure"), one("failure"), one("success"), one("failure"), one("failure")]).toEqual(
      Array(5).fill("same"),
    )
    expect(one("failure")).toBe("opened")
    expect(circuit.isOpen).toBe(true)
    expect(circuit.enter()).toBe(1_000)
    pass(400)
    expect(circuit.enter()).toBe(600)
    pass(600)
    const trial = enter()
    expect(circuit.enter()).toBeGreaterThan(0)
    expect(circuit.leave(trial, "failure")).toBe("opened")
    expect(circuit.enter()).toBe(1_000)
    pass(1_000)
    expect(one("success")).toBe("closed")
    expect([one("failure"), one("failure")]).toEqual(["same", "same"])
    expect(one("failure")).toBe("opened")
  })

  it("are not interrupted by what says nothing, which does not end a trial either", () => {
    const { circuit, one, pass } = createCircuit({ failures: 2 })
    expect([one("failure"), one("unknown"), one("failure")]).toEqual(["same", "same", "opened"])
    pass(1_000)
    expect(one("unknown")).toBe("same")
    expect(circuit.isOpen).toBe(true)
    expect(one("success")).toBe("closed")
  })

  it("of requests from before it opened or closed count for nothing", () => {
    const { circuit, enter, one, pass } = createCircuit({ failures: 1 })
    const [old, older] = [enter(), enter()]
    expect(one("failure")).toBe("opened")
    expect(circuit.leave(old, "success")).toBe("same")
    expect(circuit.isOpen).toBe(true)
    pass(1_000)
    const trial = enter()
    expect(circuit.leave(older, "failure")).toBe("same")
    expect(circuit.leave(trial, "success")).toBe("closed")
  })
})

describe("a rate of failures", () => {
  const rate = { percent: 50, windowMs: 10_000, minimum: 4 }

  it("opens it when there are enough requests in the window", () => {
    const { one, pass } = createCircuit({ rate })
    expect([one("failure"), one("failure"), one("failure")]).toEqual(["same", "same", "same"])
    // An hour later these are forgotten, however few requests came meanwhile.
    pass(3_600_000)
    expect([one("failure"), one("success"), one("success")]).toEqual(["same", "same", "same"])
    expect(one("failure")).toBe("opened")
  })

  it("looks back as far as the window", () => {
    const { one, pass } = createCircuit({ rate })
    for (let n = 0; n < 3; n += 1) one("failure")
    pass(10_001)
    for (let n = 0; n < 4; n += 1) one("success")
    expect([one("failure"), one("failure"), one("failure")]).toEqual(["same", "same", "same"])
    expect(one("failure")).toBe("opened")
  })

  it("starts anew when it closes", () => {
    const { one, pass } = createCircuit({ rate })
    for (let n = 0; n < 3; n += 1) one("failure")
    expect(one("failure")).toBe("opened")
    pass(1_000)
    expect(one("success")).toBe("closed")
    expect([one("failure"), one("success"), one("failure")]).toEqual(["same", "same", "same"])
  })
})
