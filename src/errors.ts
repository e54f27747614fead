/**
 * Problems of configuration and start-up. Each has a stable string `code`, a message that names the subject, the value
 * given and the values allowed, and a `help` line with the next step. The table generates `docs/errors.md`.
 * Errors that travel to clients as JSON-RPC are in `protocol/errors.ts`.
 */

export interface HostErrorRow {
  /** When it happens, one sentence. */
  readonly when: string
  /** The next step, when the place that throws gives none that is closer. */
  readonly help: string
}

export const hostErrors = {
  MANIFEST_NOT_FOUND: {
    when: "The manifest file does not exist.",
    help: "Pass the path of your manifest, or run the command in the folder that holds mcp-host.yaml.",
  },
  MANIFEST_UNREADABLE: {
    when: "The manifest path is a folder, or the file may not be read.",
    help: "Pass the path of a readable YAML file.",
  },
  MANIFEST_EMPTY: {
    when: "The manifest holds nothing.",
    help: "Add a `servers:` section; docs/manifest.md shows one.",
  },
  MANIFEST_TOO_LARGE: {
    when: "The manifest is larger than 1 MiB, nests deeper than 64 levels, or expands too many aliases.",
    help: "Make the manifest smaller; move data into files of the servers.",
  },
  MANIFEST_SYNTAX: { when: "The manifest is not valid YAML 1.2.", help: "Correct the YAML at the place shown." },
  MANIFEST_DUPLICATE_KEY: { when: "A key is given twice in one mapping.", help: "Keep one of the two." },
  MANIFEST_UNKNOWN_KEY: {
    when: "A key is not one that the manifest knows.",
    help: "Remove it or correct its spelling; docs/manifest.md lists every key.",
  },
  MANIFEST_MISSING_KEY: { when: "A required key is missing.", help: "Add it; docs/manifest.md describes it." },
  MANIFEST_INVALID_VALUE: {
    when: "A value is not of the allowed kind.",
    help: "Give one of the allowed values; docs/manifest.md describes each key.",
  },
  MANIFEST_MISSING_VARIABLE: {
    when: "`${VAR}` names a variable that is neither in the environment nor in `.env`, or `${file:…}` a file that cannot be read.",
    help: "Set it, put it in .env beside the manifest, or give a default with ${VAR:-default}.",
  },
  MANIFEST_MISSING_PATH: {
    when: "A path that the manifest names does not exist.",
    help: "Correct the path; it is relative to the manifest.",
  },
  MANIFEST_IGNORED_SECTION: {
    when: "A manifest composed by another has a section that only the outer one's counts for.",
    help: "Nothing is wrong; the section counts when that manifest is run by itself.",
  },
  MANIFEST_CYCLE: {
    when: "A manifest or an included file leads back to itself.",
    help: "Remove one step of the circle shown.",
  },
  PACKAGE_NOT_FOUND: {
    when: "A local server package cannot be found or loaded.",
    help: "Check the path or package name, and run npm install in it.",
  },
  PACKAGE_NOT_A_SERVER: {
    when: "A local server package exports neither a factory nor an MCP server.",
    help: "Export default a factory (context) => server; docs/writing-a-server.md shows one.",
  },
  NAME_COLLISION: {
    when: "Two servers expose a component under the same name or URI, and `collisions` is `error`.",
    help: "Give one of the servers another prefix, exclude one of the two, or set host.collisions to first or last.",
  },
  NAME_SHORTENED: {
    when: "A name is longer than `nameBudget` or holds other characters than names may, so clients see a compiled one.",
    help: "Nothing is wrong; a shorter prefix or a larger host.nameBudget may keep the name whole.",
  },
  FILTER_UNMATCHED: {
    when: "A filter, a tag of one, or an override matches nothing that its server offers.",
    help: "Correct its spelling, or remove it; filters go by the server's own names and URIs.",
  },
  OVERRIDE_IMPOSSIBLE: {
    when: "An override of arguments does not go with what the server offers, so the component is not offered.",
    help: "Correct the override: a required argument is hidden with a value, and no two arguments share a name.",
  },
  HOST_OUT_OF_MEMORY: {
    when: "Nearly all the memory that Node.js allows itself is in use, so the host has ended in order.",
    help: "Start it again with more, NODE_OPTIONS=--max-old-space-size=4096, and look for a package in process that keeps what it makes.",
  },
  MIDDLEWARE_UNUSABLE: {
    when: "A module that `middleware` names cannot be loaded, or is no middleware.",
    help: "Give its path or package; its default export is made with defineMiddleware, as docs/middleware.md shows.",
  },
  MIDDLEWARE_INVALID_OPTIONS: {
    when: "A middleware refuses its options.",
    help: "Correct them as its own documentation says.",
  },
  MIDDLEWARE_ORDER: {
    when: "The order of middleware means that one of them cannot do what it says.",
    help: "Change the order: the first of the list is outermost.",
  },
  HIDDEN_CHARACTERS: {
    when: "What a server lists holds characters that people do not see, or that change what a terminal shows.",
    help: "Look at it with mcp-host inspect --json; middleware sanitize marks such texts, or takes the characters out.",
  },
  LOCK_MISSING: {
    when: "A lock is wanted, and there is no lock file beside the manifest.",
    help: "Run mcp-host lock, review the file it writes, and commit it.",
  },
  LOCK_INVALID: {
    when: "The lock file cannot be read, or a definition in it does not fit the hash beside it.",
    help: "Take the file back from version control, or write it anew with mcp-host lock --update and review it.",
  },
  LOCK_CHANGED: {
    when: "A server offers something that is new or another than it was locked.",
    help: "See it with mcp-host diff; accept it with mcp-host lock --update.",
  },
  ENDPOINT_PORT_IN_USE: {
    when: "Another process listens on the port.",
    help: "Stop it, or choose another port with --port or endpoint.http.port.",
  },
  ENDPOINT_CANNOT_LISTEN: {
    when: "The address cannot be listened on.",
    help: "Choose another address with --host or endpoint.http.host.",
  },
  ENDPOINT_INSECURE: {
    when: "The endpoint would listen beyond this machine without authentication.",
    help: "Keep endpoint.http.host at 127.0.0.1, or set endpoint.http.insecure: true if something in front authenticates.",
  },
  SERVER_REQUIRED: {
    when: "A server marked `required` did not become ready.",
    help: "Fix the server as its reason says, or set required: false.",
  },
  SERVER_UNAVAILABLE: {
    when: "A command needs a server that is not ready.",
    help: "Run mcp-host check --connect to see why.",
  },
  PROFILE_UNKNOWN: {
    when: "The manifest has no profile of the name given with `--profile`.",
    help: "Give one of the profiles of the manifest, or leave --profile out.",
  },
  CONVERT_UNREADABLE: {
    when: "A client's configuration file cannot be read, or is neither JSON nor TOML.",
    help: "Give a file such as claude_desktop_config.json, .vscode/mcp.json or .codex/config.toml.",
  },
  CONVERT_NO_SERVERS: {
    when: "A file given to `convert` is no configuration of an MCP client.",
    help: "docs/converting.md lists the clients and files that are known.",
  },
  FILE_EXISTS: {
    when: "A command would overwrite a file.",
    help: "Choose another file, or pass --force.",
  },
  TELEMETRY_PACKAGE_MISSING: {
    when: "Metrics or traces need a package that is not installed.",
    help: "Install it; docs/telemetry.md names the packages.",
  },
  STORE_UNUSABLE: {
    when: "A store cannot be opened as the manifest describes it.",
    help: "Correct its entry under `storage` in the manifest; docs/storage.md describes every kind.",
  },
  STORE_PACKAGE_MISSING: {
    when: "A store needs a package that is not installed.",
    help: "Install it; docs/storage.md names the package of every kind of store.",
  },
  STORE_NOT_ATOMIC: {
    when: "Something needs single steps of a store (`take`, `increment`, `rate`, `ifVersion`) that its backend does not have.",
    help: "Use a store of type file, redis or memory for it; docs/storage.md compares them.",
  },
  STORE_NOT_LISTABLE: {
    when: "Something needs the keys of a store whose backend cannot list them.",
    help: "Use another store for it; docs/storage.md compares them.",
  },
  STORE_WRONG_KEY: {
    when: "A store is encrypted with a key that is neither `encrypt` nor one of `previousKeys`. Nothing was changed.",
    help: "Give the key the store was made with as `encrypt`, or, to change to another, as one of `previousKeys`.",
  },
  STORE_ENCRYPTED: {
    when: "A store is encrypted, and the manifest gives no key for it. Nothing was changed.",
    help: "Give its key as `encrypt`.",
  },
  STORE_NOT_ENCRYPTED: {
    when: "A store that shall be encrypted holds records that are not. Nothing was changed.",
    help: "Choose another place for the encrypted store, or remove the records; docs/storage.md says why.",
  },
  USAGE: { when: "The command line is wrong.", help: "See mcp-host --help." },
  COMPONENT_UNKNOWN: {
    when: "No tool, prompt or resource of that name is visible.",
    help: "See what there is with mcp-host list.",
  },
  CALL_FAILED: { when: "The request was answered with an error.", help: "See the message of the server." },
} as const satisfies Record<string, HostErrorRow>

export type HostErrorCode = keyof typeof hostErrors

/** A place in a file; line and column count from 1. */
export interface SourcePlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface HostErrorOptions {
  readonly help?: string | undefined
  readonly cause?: unknown
  readonly place?: SourcePlace | undefined
}

export class HostError extends Error {
  readonly code: HostErrorCode
  readonly help: string
  readonly place: SourcePlace | undefined

  constructor(code: HostErrorCode, message: string, options: HostErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = "HostError"
    this.code = code
    this.help = options.help ?? hostErrors[code].help
    this.place = options.place
  }
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/\s*\n\s*/g, " ").trim()
}
