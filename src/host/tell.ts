/** How a server's notifications reach a client: through the middleware around it, in the names of its manifest. */
import { rewriteNotification } from "../composition/rewrite.ts"
import { rewriteTaskNotification } from "../composition/rewriteTasks.ts"
import type { Client, McpNotification } from "../protocol/messages.ts"
import type { TellClient } from "../upstreams/upstream.ts"
import { withFittingNotification } from "../wire/tasks.ts"
import { withAskerNamed } from "./ask.ts"
import type { Member } from "./member.ts"
import { exposedId } from "./tasks.ts"

export function createTell(memberOf: () => Member): TellClient {
  return (notification, client, deliver) => {
    const member = memberOf()
    const passage = { client, server: member.entry.key, towards: "client" } as const
    member.chain.pass(notification, passage, (own) =>
      member.around.pass(shownBy(member, own, client), passage, deliver),
    )
  }
}

function shownBy(member: Member, notification: McpNotification, client: Client): McpNotification {
  const { method } = notification
  const { params } = withFittingNotification(notification, client)
  const shown = rewriteNotification(method, params, (uri) => member.namespace.encode("resource", uri))
  const named = method === "notifications/tasks" ? withAskerNamed(shown, member, true) : shown
  return { method, params: rewriteTaskNotification(method, named, (id) => exposedId(member.entry.key, id)) }
}
