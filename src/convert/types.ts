/** What the rooms that convert speak of: configurations of MCP clients on one side, drafts of manifest entries on the other. */
import type { JsonObject } from "../protocol/json.ts"

/** A configuration file of an MCP client. */
export interface ClientFile {
  /** As given; shown in comments. */
  readonly name: string
  /** Absolute path. */
  readonly path: string
  readonly text: string
}

/** One server of a client's configuration, before it is converted. */
export interface ClientServer {
  readonly key: string
  readonly entry: JsonObject
  /** Where it is written, `claude.json: mcpServers.github`. */
  readonly from: string
  readonly dialect: Dialect
}

/** What a file says beside its servers, and how its texts are to be read. */
export interface Dialect {
  /** The notation of references: of Codex there is none, of Gemini `$VAR` counts, of OpenCode `{env:VAR}`. */
  readonly references: "common" | "none" | "gemini" | "opencode"
  /** VS Code and Gemini CLI read `url` in their own way. */
  readonly client: "vscode" | "gemini" | "other"
  /** The folder a project's file belongs to; undefined for a file of the whole user. */
  readonly workspace: string | undefined
  /** VS Code's `inputs`, by id. */
  readonly inputs: ReadonlyMap<string, JsonObject>
}

/** A server as the manifest is to have it. */
export interface Draft {
  readonly key: string
  readonly from: string
  /** The value of `servers.<key>`. */
  readonly value: JsonObject
  /** What could not be carried over, or means something else now. */
  readonly notes: readonly string[]
  /** Why it is written as a comment only. */
  readonly inactive?: string
}

/** What a draft's server is and where. */
export interface TargetDraft {
  readonly value: JsonObject
  /** Globs over tools that are not to be shown. */
  readonly excluded?: readonly string[]
  readonly inactive?: string
}

/** A variable the manifest needs to be set. */
export interface Variable {
  readonly name: string
  /** Where its value is, or where it is referred to. */
  readonly from: readonly string[]
  /** True when the value is in the file it comes from; else it is set somewhere already, or the client asks for it. */
  readonly isSecret: boolean
  readonly description?: string
}
