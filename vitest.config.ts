import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Folders whose files take longest: begun last, one of them would run on alone. */
const longest = ["tests/faults/", "tests/e2e/", "tests/cli/"]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((folder) => moduleId.includes(folder))
      return at === -1 ? longest.length : at
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // Generous: machines stand still for seconds, and what hangs is found all the same.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 20_000 } },
    sequence: { sequencer: LongestFirst },
    pool: "forks",
    // Most tests wait for processes: three at once take less time even where there are two cores only.
    maxWorkers: 3,
  },
})
