/**
 * Loads what `run` stands on room by room. Node opens all files at once that a module leads to, which with few
 * descriptors (`ulimit -n 64`) are too many; what is loaded already is not opened again.
 */
export async function loadInTurn(): Promise<void> {
  await import("../manifest/load.ts")
  await import("../wire/open.ts")
  await import("../upstreams/sessionOpener.ts")
  await import("../upstreams/createUpstream.ts")
  await import("../middleware/chain.ts")
  await import("../endpoints/http/httpEndpoint.ts")
  await import("../host/build.ts")
  await import("../host/host.ts")
}
