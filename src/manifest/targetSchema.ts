/** The schema of what `import` and `mount` say: which kind of server, and where. */

import * as z from "zod/mini"
import { defaults } from "./defaults.ts"
import { anyText, choice, facts, listOf, mapping, optional, pattern, required, text, webUrl } from "./fields.ts"

const era = () =>
  optional(choice(["auto", "legacy", "modern"]), {
    description:
      "The protocol generation to speak to the server. `auto` speaks the client's own generation where the server knows it.",
    default: defaults.target.era,
  })

const env = () =>
  optional(
    z.record(pattern(/^[^=\0]+$/, "the name of a variable"), pattern(/^[^\0]*$/, "text"), {
      error: "a mapping of variable names to text",
    }),
    {
      description:
        "Environment variables for the server, besides the small set every child gets (PATH, HOME, locale, temp folders).",
      default: {},
      examples: [{ TOKEN: "${GITHUB_TOKEN}" }],
    },
  )

const inheritEnv = () =>
  optional(listOf(text("the name of a variable"), "a list of variable names"), {
    description: "Names of variables the server gets from the host's own environment.",
    default: [],
    examples: [["SSH_AUTH_SOCK"]],
  })

const commandTarget = mapping({
  command: required(text(), { description: "The program of a stdio server.", examples: ["npx"] }),
  args: optional(listOf(anyText(), "a list of texts"), {
    description: "Its arguments.",
    default: [],
    examples: [["-y", "some-server"]],
  }),
  env: env(),
  cwd: optional(text(), {
    description: "The folder it runs in, relative to the manifest.",
    absent: "the manifest's folder",
    examples: ["./work"],
  }),
  era: era(),
  inheritEnv: inheritEnv(),
}).register(facts, { description: "A stdio server: a program the host starts." })

const headerName = pattern(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "the name of an HTTP header")
const headerValue = pattern(/^[\t\x20-\x7e\x80-\xff]*$/, "text on one line, as an HTTP header can carry")

const urlTarget = mapping({
  url: required(webUrl(), { description: "The URL of a remote server.", examples: ["https://docs.example.com/mcp"] }),
  transport: optional(choice(["auto", "http", "sse"]), {
    description: "`http` is Streamable HTTP, `sse` the older HTTP+SSE; `auto` finds out.",
    default: defaults.target.transport,
  }),
  headers: optional(z.record(headerName, headerValue, { error: "a mapping of header names to text" }), {
    description: "HTTP headers for every request to it.",
    default: {},
    examples: [{ Authorization: "Bearer ${DOCS_TOKEN}" }],
  }),
  era: era(),
}).register(facts, { description: "A remote server, reached over HTTP." })

const packageTarget = mapping({
  package: required(text(), {
    description: "A path (beginning with `./`, `../` or `/`) or npm package of an in-process sub-server.",
    examples: ["./servers/notes"],
  }),
  export: optional(text(), {
    description: "The export that holds the factory.",
    absent: "the default export",
    examples: ["createServer"],
  }),
  era: era(),
  env: env(),
  inheritEnv: inheritEnv(),
}).register(facts, { description: "An in-process sub-server." })

const manifestTarget = mapping({
  manifest: required(text(), {
    description: "The path of another manifest, composed whole as one server.",
    examples: ["./team/mcp-host.yaml"],
  }),
}).register(facts, { description: "Another manifest." })

/** The mappings a target can be, by the key that says which it is: exactly one of them is given. */
export const targetForms = {
  command: commandTarget,
  url: urlTarget,
  package: packageTarget,
  manifest: manifestTarget,
} as const

export const targetWords = "a path, an npm package, a URL, or a mapping with command, url, package or manifest"

export const targetSchema = z.union([text(targetWords), commandTarget, urlTarget, packageTarget, manifestTarget])
