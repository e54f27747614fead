/** What is required and does not hold yet, with the reason. An entry that holds again has to go. */

/** By row or figure, where, and what goes wrong. */
export const known: Readonly<Record<string, string>> = {}
