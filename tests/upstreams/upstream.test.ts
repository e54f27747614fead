import { expect } from "vitest"
import type { TargetEra } from "../../src/manifest/types.ts"
import { closers } from "../fixtures/harness.ts"
import { type HttpFixtureKind, startHttpFixture } from "../fixtures/servers/http.mjs"
import { entryOf, httpTarget, packageTarget, stdioTarget } from "./support.ts"
import { testUpstream, type UpstreamKind } from "./testUpstream.ts"

type Eras = Pick<UpstreamKind, "client" | "speaks">
const legacy: Eras = { client: "legacy", speaks: "legacy" }
const modern: Eras = { client: "modern", speaks: "modern" }
const bridged: Eras = { client: "legacy", speaks: "modern" }
const crossed: Eras = { client: "modern", speaks: "legacy" }

const local = (name: string, eras: Eras, options: { export?: string; era?: TargetEra } = {}): UpstreamKind => ({
  name: `local ${name} ${JSON.stringify(options)}`,
  ...eras,
  start: async () => ({ entry: entryOf(packageTarget(name, options)) }),
})

const stdio = (file: string, args: string[], eras: Eras): UpstreamKind => ({
  name: `stdio ${file} ${args.join(" ")}`,
  ...eras,
  start: async () => ({ entry: entryOf(stdioTarget(file, { args })) }),
})

const http = (kind: HttpFixtureKind, eras: Eras, options: Partial<UpstreamKind> = {}): UpstreamKind => ({
  name: `HTTP ${kind}`,
  ...eras,
  ...options,
  start: async () => {
    const fixture = await startHttpFixture(kind)
    closers.push(() => fixture.close())
    const transport = options.name === "HTTP sse, by name" ? "sse" : "auto"
    return {
      entry: entryOf(httpTarget(fixture.url, { transport })),
      gone: () => expect(fixture.counts().sessions).toBe(0),
    }
  },
})

testUpstream(local("v1-mcp", legacy))
testUpstream(local("v2-mcp", legacy))
testUpstream(local("v2-mcp", bridged, { era: "modern" }))
testUpstream(local("v2-mcp", modern, { era: "modern" }))
testUpstream(local("named", legacy, { export: "make" }))
testUpstream(local("instance", legacy))
testUpstream(local("v1-instance", legacy))

testUpstream(stdio("v1-stdio.mjs", [], legacy))
testUpstream(stdio("v2-stdio.mjs", [], legacy))
testUpstream(stdio("v2-stdio.mjs", [], modern))
testUpstream(stdio("v2-stdio.mjs", ["--modern-only"], bridged))
testUpstream(stdio("v2-stdio.mjs", ["--legacy-only"], crossed))

testUpstream(http("v1", legacy))
testUpstream(http("v1", crossed))
testUpstream(http("v2", legacy, { announces: false, cancels: false }))
testUpstream(http("v2", modern))
testUpstream(http("v2-modern-only", bridged))
testUpstream(http("v2-modern-only", modern))
testUpstream(http("both", legacy))
testUpstream(http("both", modern))
testUpstream(http("sse", legacy))
testUpstream(http("sse", crossed))
testUpstream(http("sse", legacy, { name: "HTTP sse, by name" }))
