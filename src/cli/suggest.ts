/** "Did you mean": the words nearest to one that is not known. */
import { distance } from "fastest-levenshtein"

const most = 3

export function nearest(word: string, known: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(word.length / 3))
  return [...new Set(known)]
    .map((each) => ({ each, far: distance(word.toLowerCase(), each.toLowerCase()) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far)
    .slice(0, most)
    .map(({ each }) => each)
}

/** `Did you mean a or b?`, or undefined without candidates. */
export function didYouMean(candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined
  const last = candidates.at(-1) ?? ""
  return `Did you mean ${candidates.length === 1 ? last : `${candidates.slice(0, -1).join(", ")} or ${last}`}?`
}
