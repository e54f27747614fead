/** A problem to show to whoever asked: the message says what was wrong and what to do next. */
export class FileError extends Error {
  override readonly name = "FileError"
  /** True when there is nothing at the path. */
  readonly isMissing: boolean

  constructor(message: string, options: { readonly isMissing?: boolean } = {}) {
    super(message)
    this.isMissing = options.isMissing ?? false
  }
}

/** The `code` of a file system error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}

export function missing(path: string): FileError {
  return new FileError(`There is nothing at "${path}". Use list to see what exists.`, { isMissing: true })
}

export function outside(path: string): FileError {
  return new FileError(`"${path}" leads outside the allowed folders. Use list without a path to see them.`)
}
