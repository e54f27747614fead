/** Carries what a server showed from one start to the next: between its views, its opener and its file. */
import type { CatalogueFile } from "./catalogueCache.ts"
import type { SessionOpener } from "./sessionOpener.ts"
import type { Views } from "./views.ts"

export interface CatalogueKeeper {
  restore(): void
  save(): void
  /** Resolves when what was saved so far is written; never rejects. */
  readonly saved: Promise<void>
}

export function keepCatalogue(
  file: CatalogueFile | undefined,
  views: Views,
  opener: SessionOpener,
): CatalogueKeeper | undefined {
  if (file === undefined) return undefined
  let saved = Promise.resolve()
  return {
    get saved() {
      return saved
    },
    restore() {
      const remembered = file.read()
      if (remembered === undefined) return
      views.restore(remembered)
      opener.restore(remembered.spoken)
    },
    save() {
      const taken = views.remember()
      if (taken !== undefined) saved = file.write({ ...taken, spoken: opener.spoken })
    },
  }
}
