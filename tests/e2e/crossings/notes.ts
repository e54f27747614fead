/** The footnotes of the table in docs/protocol-support.md: what the specification says, and what a user gets. */

export const notes = {
  objects:
    "2025-11-25: “**Structured** content is returned as a JSON object in the `structuredContent` field of a result”; 2026-07-28: “This can be any JSON value”. A legacy server has nothing else to give, and it passes as it is.",
  wrapped:
    "A legacy client knows objects only (note above), so result and `outputSchema` are put into an object with one member, `result`, as servers of the SDK do.",
  logging:
    "2026-07-28: “Log level is now set per-request via `io.modelcontextprotocol/logLevel` in `_meta`; servers MUST NOT emit `notifications/message` for requests that did not include this field”. The host translates: `logging/setLevel` of a legacy client travels with each of its calls, and the level of a modern client's request is set on the legacy server and filters what it sends.",
  questions:
    '2026-07-28: servers return “an `InputRequiredResult` (`resultType: "input_required"`) whose `inputRequests` field carries the requests”, instead of sending requests. A legacy client is asked by a request while the host holds its call, at most 8 rounds; for a modern client the host holds the call of the legacy server while the client answers and calls again, at most 32 rounds.',
  urlIds:
    "2026-07-28: “Remove the `notifications/elicitation/complete` notification and the `elicitationId` field of URL mode elicitation requests”. The host makes an id up for legacy clients of modern servers and takes it away in the other direction.",
  urlComplete:
    "2026-07-28 removes `notifications/elicitation/complete`: “the client learns the outcome of an out-of-band interaction by retrying the original request”. It is not sent where one side does not have it.",
  urlError:
    "Only 2025-11-25 has this error, with “a list of elicitations that are required to complete before the original can be retried”. A modern server asks by an `InputRequiredResult` instead (note above), which reaches clients of both generations.",
  urlErrorAsked:
    "For a modern client the host turns the error into an `InputRequiredResult` in URL mode; the client’s retry calls the server again.",
  listen:
    "2026-07-28: “Replace the HTTP GET endpoint and `resources/subscribe`/`resources/unsubscribe` with `subscriptions/listen`”. Each side is served in its own form; `list_changed` reaches modern clients that listen for it.",
  tasksGone:
    "2026-07-28: “Move experimental tasks out of the core protocol and into an official extension”. The `task` parameter of a legacy client is taken away and the call is answered with its result.",
  tasksPolled:
    '2025-11-25: “If `execution.taskSupport` is `"required"`, clients **MUST** invoke the tool as a task”. A modern client cannot, so the host asks for the task, polls it, and answers with the result.',
  tasksNone:
    "2026-07-28 “replaces the blocking `tasks/result` method with polling via `tasks/get`” and “removes `tasks/list`”: both answer -32601, and tools answer with their results.",
  extensionUndeclared:
    "SEP-2663: “A server **MUST NOT** return `CreateTaskResult` to a client that did not include the extension capability on its request”. Legacy clients cannot include it, so the server answers with the result.",
  extensionLegacy:
    "SEP-2663: the extension belongs to 2026-07-28; a legacy server does not know it, so its tools answer with results, also those it runs as tasks of 2025-11-25.",
  extensionNone: "Neither side has the extension: `tasks/update` answers -32601, and the host does not offer it.",
} as const

export type Note = keyof typeof notes
