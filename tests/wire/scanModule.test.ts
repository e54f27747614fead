import { readFile } from "node:fs/promises"
import { expect, it } from "vitest"
import { assemble } from "../../scripts/assemble.ts"

it("scanModule.ts is what scanObject.wat assembles to; `npm run assemble` writes it", async () => {
  const committed = await readFile(new URL("../../src/wire/scanModule.ts", import.meta.url), "utf8")
  expect(committed).toBe(await assemble())
})
