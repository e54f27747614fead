/** `audit verify` and what `check --connect` finds hidden, as users run them. */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { afterEach, expect, it } from "vitest"
import { cleanUp, cli, packageServer, project, temporaryFolder } from "./support.ts"

afterEach(cleanUp)

/** Several runs of the command line, one after another. */
const patient = { timeout: 120_000 }
const AUDIT_KEY = "k".repeat(40)
const secret = "a-very-secret-value"

it("verifies logs of the manifest, says where one is broken, and keeps secrets out of them", patient, async () => {
  const cwd = project(
    {
      middleware: [{ audit: { file: "./logs/audit.jsonl", key: "${AUDIT_KEY}" } }, { redact: {} }],
      servers: { s: packageServer("v2-mcp", { config: { token: "${TOKEN}" } }) },
    },
    { ".env": `AUDIT_KEY=${AUDIT_KEY}\nTOKEN=${secret}\n` },
  )
  const file = path.join(cwd, "logs/audit.jsonl")
  expect(await cli(["audit", "verify"], { cwd })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/there is no audit log logs\/audit\.jsonl\nhelp: /),
  })
  expect((await cli(["call", "s_echo", `text=it is ${secret}`], { cwd })).stdout).toBe("it is [hidden]\n")
  expect((await cli(["call", secret], { cwd })).code).toBe(1)
  const log = readFileSync(file, "utf8")
  expect(log).not.toContain(secret)
  expect(log).not.toContain(AUDIT_KEY)
  const whole = await cli(["audit", "verify"], { cwd })
  expect(whole).toMatchObject({ code: 0, stderr: "" })
  expect(whole.stdout).toMatch(
    /^logs\/audit\.jsonl: 6 lines \(1 to 6\)\nok: 6 lines, 2 requests, \S+ to \S+; each was made with the key\n$/,
  )
  // Elsewhere, with the key alone.
  const elsewhere = { cwd: temporaryFolder(), env: { KEY: AUDIT_KEY } }
  expect((await cli(["audit", "verify", file, "--key-env", "KEY"], elsewhere)).code).toBe(0)
  expect((await cli(["audit", "verify", file], elsewhere)).stdout).toMatch(/was not given\nbroken: 0 lines/)
  expect((await cli(["audit", "verify", file, "--key-env", "NO_KEY"], elsewhere)).stderr).toMatch(
    /the variable NO_KEY is not set/,
  )
  writeFileSync(file, log.replace('"tool":"s_echo"', '"tool":"s_ecHo"'))
  const broken = await cli(["audit", "verify"], { cwd })
  expect(broken.code).toBe(1)
  expect(broken.stdout).toContain(
    "logs/audit.jsonl:2: the line was changed: its hash does not fit\nbroken: 1 lines before it are whole\n",
  )
  const json = await cli(["audit", "verify", file, "--json"], { cwd })
  expect(json.code).toBe(1)
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: false,
    logs: [{ log: file, lines: 1, keyed: true, broken: { file, line: 2 } }],
  })
  rmSync(path.join(cwd, "mcp-host.yaml"))
  writeFileSync(path.join(cwd, "mcp-host.yaml"), "servers: {}")
  expect((await cli(["audit", "verify"], { cwd })).stderr).toMatch(/mcp-host\.yaml has no audit middleware\nhelp: /)
})

it("shows examples", async () => {
  const { stdout, code } = await cli(["audit", "verify", "-h"])
  expect(code).toBe(0)
  expect(stdout).toContain("$ mcp-host audit verify -m team.yaml --json")
})

it("check --connect names what hides characters", patient, async () => {
  const raw = path.resolve(import.meta.dirname, "../host/packages/raw.mjs")
  const tools = [{ name: "add", description: "Adds.\u{e0041}", inputSchema: { type: "object" } }]
  const cwd = project({ servers: { r: { mount: raw, config: { lists: { tools } } } } })
  const { code, stdout } = await cli(["check", "--connect", "--json"], { cwd })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    problems: [
      {
        severity: "warning",
        code: "HIDDEN_CHARACTERS",
        message: "the tool add of r hides characters (tags) in description",
        line: 2,
      },
    ],
  })
})
