/** A problem to show to whoever asked: the message says what was wrong and what to do next. */
export class NoteError extends Error {
  override readonly name = "NoteError"
  /** True when the note does not exist. */
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
