/** Writes a file so that whoever reads it meanwhile sees the old one or the new one. */
import { rename, rm, writeFile } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { HostError, messageOf } from "../errors.ts"

export async function replaceFile(file: string, text: string): Promise<void> {
  const beside = join(dirname(resolve(file)), `.${basename(file)}.${process.pid}.tmp`)
  try {
    await writeFile(beside, text)
    await rename(beside, file)
  } catch (error) {
    await rm(beside, { force: true })
    throw unwritable(file, error)
  }
}

/** Throws `FILE_EXISTS` when there is one. */
export async function createFile(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx" })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw new HostError("FILE_EXISTS", `${file} exists already`)
    throw unwritable(file, error)
  }
}

function unwritable(file: string, error: unknown): HostError {
  return new HostError("USAGE", `${file} cannot be written: ${messageOf(error)}`, {
    help: "Choose a file in a folder that you may write to.",
    cause: error,
  })
}
