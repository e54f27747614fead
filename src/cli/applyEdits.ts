/**
 * Keeps `run` in step with its manifest: what changes in it, in the files it includes or reads, or in the code of local
 * packages, is applied while it serves; what cannot be is reported, and what there was serves on.
 */
import type { Logger } from "pino"
import { HostError, messageOf } from "../errors.ts"
import type { Host } from "../host/host.ts"
import { loadMiddleware, middlewareModules } from "../host/loadMiddleware.ts"
import { ManifestError } from "../manifest/manifestError.ts"
import type { Manifest } from "../manifest/types.ts"
import { type Marks, markOf, watchFiles } from "../manifest/watch.ts"
import { filesOfPath, packageFilesOf } from "../upstreams/loadPackage.ts"
import { onOneLine } from "./table.ts"

export interface EditsOptions {
  readonly host: Host
  readonly log: Logger
  /** Loads the manifest anew, and tells every path that it looks at. */
  readonly load: (watch: (path: string) => void) => Promise<Manifest>
  /** Keeps the secrets of a manifest from being shown. */
  readonly hide: (secrets: readonly string[]) => void
  /** False: nothing is watched, and a reload has to be asked for. */
  readonly watch: boolean
}

export interface Edits {
  /** Applies what there is now, changed or not. Never rejects. */
  apply(): Promise<void>
  close(): void
}

/** Notes every path that is looked at, as it is before it is read. */
export function createMarks(): { readonly marks: Marks; readonly note: (path: string) => void } {
  const marks = new Map<string, string>()
  const note = (path: string): void => {
    if (!marks.has(path)) marks.set(path, markOf(path))
  }
  return { marks, note }
}

/** `first` are the paths that the manifest which serves was loaded from. */
export function applyEdits(first: Marks, options: EditsOptions): Edits {
  const { host, log, load, hide } = options
  let closed = false
  let applying: Promise<void> | undefined
  let again = false
  const watching = watchFiles(() => void apply())
  const follow = (marks: Marks, more: Iterable<string> = []): void => {
    if (options.watch && !closed) watching.follow([...marks.keys(), ...more, ...codeFilesOf(host.manifest)], marks)
  }
  const once = async (): Promise<void> => {
    const { marks, note } = createMarks()
    try {
      const manifest = await load(note)
      hide(manifest.secrets)
      // Before it is applied: what changes meanwhile counts again.
      follow(marks, codeFilesOf(manifest))
      for (const section of fixedSections(host.manifest, manifest))
        log.warn({ section }, `${section} has changed, which takes effect when mcp-host is started again`)
      const { started, ended } = await host.reload(manifest, await loadMiddleware(manifest, { anew: true }))
      log.info({ started, ended }, "the manifest is applied")
    } catch (error) {
      // Files of an edit that failed are where its correction will come.
      follow(marks, first.keys())
      report(error, log)
    }
  }
  const apply = async (): Promise<void> => {
    if (applying !== undefined) {
      again = true
      return applying
    }
    do {
      again = false
      applying = once()
      await applying
    } while (again && !closed)
    applying = undefined
  }
  follow(first)
  return {
    apply,
    close() {
      closed = true
      watching.close()
    },
  }
}

/** The files of local code that a manifest names: packages and middleware. */
function codeFilesOf(manifest: Manifest): string[] {
  return [...packageFilesOf(manifest), ...middlewareModules(manifest).flatMap(filesOfPath)]
}

/** What is decided when the process starts. */
function fixedSections(old: Manifest, next: Manifest): string[] {
  const sections = [
    ["endpoint", old.endpoint, next.endpoint],
    ["host.cache", old.host.cache, next.host.cache],
    ["storage", old.storage, next.storage],
    ["telemetry", old.telemetry, next.telemetry],
  ] as const
  return sections.filter(([, one, other]) => JSON.stringify(one) !== JSON.stringify(other)).map(([name]) => name)
}

function report(error: unknown, log: Logger): void {
  const kept = "the manifest is not applied, what there was serves on"
  if (error instanceof ManifestError) {
    for (const { code, message, help, place } of error.problems)
      log.error({ code, help }, `${place.file}:${place.line}:${place.column}: ${onOneLine(message)}; ${kept}`)
  } else if (error instanceof HostError) {
    log.error({ code: error.code, help: error.help }, `${onOneLine(error.message)}; ${kept}`)
  } else log.error(`${messageOf(error)}; ${kept}`)
}
