/** The stores of a manifest, as the command line uses them: what is not described is among the user's data. */
import type { Manifest } from "../manifest/types.ts"
import { createStorage, type Storage } from "../storage/storage.ts"

export function storageOf(manifest: Manifest, warn: (message: string) => void): Storage {
  return createStorage(manifest, { fallback: "file", warn })
}

/** Throws the `HostError` of a store the manifest describes that cannot be used so: a wrong key, say. */
export function verifyStorage(storage: Storage, manifest: Manifest): Promise<void> {
  return storage.verify(Object.keys(manifest.storage))
}
