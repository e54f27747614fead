import { defineConfig } from "vitest/config"
import { BaseSequencer, type Reporter, type TestCase, type TestSpecification } from "vitest/node"

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

/** Names the tests that passed only when they were repeated: what hides there is worth a look. */
class RepeatedReporter implements Reporter {
  readonly #repeated: string[] = []

  onTestCaseResult(test: TestCase): void {
    const { retryCount = 0 } = test.diagnostic() ?? {}
    if (retryCount > 0) this.#repeated.push(`${test.module.relativeModuleId} > ${test.fullName} (${retryCount} ×)`)
  }

  onTestRunEnd(): void {
    if (this.#repeated.length === 0) return
    process.stdout.write(
      `Repeated because they failed at first:\n${this.#repeated.map((each) => `  ${each}\n`).join("")}`,
    )
  }
}

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: "tests/fixtures/programs.ts",
    // Generous: machines stand still for seconds, and what hangs is found all the same.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 20_000 } },
    sequence: { sequencer: LongestFirst },
    // Machines of CI stand still at times. A test that fails three times has failed; what passes later than the first time is named.
    retry: process.env["CI"] === undefined ? 0 : 2,
    reporters: ["default", new RepeatedReporter()],
    pool: "forks",
    // Most tests wait for processes: three at once take less time even where there are two cores only.
    maxWorkers: 3,
  },
})
