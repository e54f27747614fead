// Writes lines to an audit log until it is killed, several at once, and says of each that it was written.
// Arguments: folder of the code, its extension, the file, a name for its lines.
const [code, extension, file, name] = process.argv.slice(2)
const { AuditLog } = await import(`${code}/middleware/audit/log.${extension}`)
const { toAuditKey } = await import(`${code}/middleware/audit/line.${extension}`)
const log = new AuditLog(file, {
  ...{ key: toAuditKey("k".repeat(40)), previousKeys: [], maxBytes: 20_000, maxAgeMs: undefined, keep: 10_000 },
  ...{ sync: false, report: (failure) => process.stderr.write(`failure ${failure}\n`) },
})
let n = 0
const write = async () => {
  for (;;) {
    n += 1
    const id = `${name}-${n}`
    const failure = await log.append({
      time: new Date().toISOString(),
      method: "tools/call",
      id,
      filling: "x".repeat(200),
    })
    process.stdout.write(failure === undefined ? `${id}\n` : `failed ${failure}\n`)
    // Now and then there is a pause, in which the head is written.
    if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
  }
}
for (let lane = 0; lane < 8; lane += 1) void write()
