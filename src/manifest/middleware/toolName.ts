/** The name of a tool that middleware adds, as clients may have it. */
import { pattern } from "../fields.ts"

export const toolName = () => pattern(/^[A-Za-z0-9_.-]{1,128}$/, "a name of at most 128 letters, digits, _, - and .")
