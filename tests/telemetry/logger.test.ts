/** The log as a process writes it: on standard error only, without secrets. */
import { spawn } from "node:child_process"
import path from "node:path"
import { describe, expect, it } from "vitest"

const logger = path.resolve(import.meta.dirname, "../../src/telemetry/logger.ts")

interface Output {
  readonly out: string
  readonly error: string
}

/** Runs a program that has `log` and `hide`, as the host's. */
async function run(format: "json" | "pretty", program: string, level = "info"): Promise<Output> {
  const source = `
    import { createLogger } from ${JSON.stringify(logger)}
    const { log, hide } = await createLogger({ level: ${JSON.stringify(level)}, format: ${JSON.stringify(format)}, color: false })
    ${program}`
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: path.resolve(import.meta.dirname, "../.."),
  })
  let [out, error] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    out += chunk
  })
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    error += chunk
  })
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000)
  const code = await new Promise((resolve) => child.once("close", resolve))
  clearTimeout(timer)
  expect({ code, error }).toEqual({ code: 0, error: expect.any(String) })
  return { out, error }
}

const plain = "s3cr3t-t0k3n-value"
const odd = 'pa"ss\\wörd\twith\u0001 oddities'
const block = "-----BEGIN KEY-----\nMIIabc123\nxyz78901\n-----END KEY-----"

describe.each(["json", "pretty"] as const)("the %s log", (format) => {
  it("is on standard error, and shows no secret wherever it stands", async () => {
    const { out, error } = await run(
      format,
      `
      const secrets = ${JSON.stringify([plain, odd, block, `${plain}-longer`, "abc"])}
      hide(secrets)
      for (const secret of secrets.slice(0, 4)) {
        log.info("message with " + secret + " inside")
        log.warn({ server: "s", header: "Bearer " + secret, deep: { list: [secret, { [secret]: 1 }] } }, "facts")
        log.error(new Error("failed with " + secret))
        log.error({ err: new Error("again " + secret, { cause: new Error(secret) }) }, "nested")
        log.child({ server: secret }).info("bound")
        log.info("%s formatted", secret)
        log.info({ json: JSON.stringify({ token: secret }) }, JSON.stringify([secret]))
      }
      log.info("one line of it: xyz78901")
      log.info("abc is too short to hide")
      hide(["later-secret"])
      log.info("not hidden: earlier; hidden: later-secret")`,
    )
    expect(out).toBe("")
    for (const part of [plain, "wörd", "MIIabc123", "xyz78901", "-longer", "later-secret"]) {
      expect(error).not.toContain(part)
    }
    expect(error).toContain("[hidden]")
    expect(error).toContain("abc is too short to hide")
    expect(error).toContain("not hidden: earlier")
  })

  it("leaves out what is below its level, names servers, and is not lost when the process ends at once", async () => {
    const program = `
      log.info("quiet please")
      log.child({ server: "notes" }).warn({ n: 1 }, "hello")
      for (let n = 0; n < 200; n += 1) log.error("line " + n)
      process.exit(0)`
    const { error } = await run(format, program, "warn")
    expect(error).not.toContain("quiet please")
    const [first = ""] = error.split("\n")
    if (format === "json") expect(JSON.parse(first)).toMatchObject({ server: "notes", msg: "hello", n: 1 })
    else expect(first).toContain("notes: hello")
    expect(error).toContain("line 199")
  })
})
