/** What a manifest inside a manifest keeps while its graphs come and go: what clients were told by it. */
import type { Client } from "../protocol/messages.ts"
import type { Storage } from "../storage/storage.ts"
import type { AskClient, TellClient } from "../upstreams/upstream.ts"
import { createAsk } from "./ask.ts"
import { ClientTasks } from "./clientTasks.ts"
import type { Member } from "./member.ts"
import { ShownUris } from "./shownUris.ts"
import { Surroundings } from "./surroundings.ts"
import { TaskTable } from "./taskTable.ts"
import { createTell } from "./tell.ts"

export interface Level extends Speaking {
  readonly tasks: TaskTable
  readonly clientTasks: ClientTasks
  readonly shown: ShownUris
  /** As whom each client of the manifest around it is known inside. */
  readonly clients: WeakMap<Client, Client>
  /** What middleware in it may know. */
  readonly surroundings: Surroundings
  /** The manifest as a server of the one around it, in the graph that serves now. */
  member: Member | undefined
  /** Its own stores, when it describes any. */
  storage?: Storage
}

/** How a server asks and tells clients, in the names of the manifest it is in. */
export interface Speaking {
  readonly ask: AskClient
  readonly tell: TellClient
}

/** `around` is the level of the manifest around it; undefined for the manifest of the host. */
export function createLevel(path: string, around: Level | undefined): Level {
  const clientTasks = new ClientTasks()
  const memberOf = (): Member => {
    if (level.member === undefined) throw new Error(`no manifest ${path}`)
    return level.member
  }
  const level: Level = {
    tasks: new TaskTable(),
    clientTasks,
    shown: new ShownUris(),
    surroundings: new Surroundings(),
    clients: new WeakMap(),
    member: undefined,
    ...createSpeaking(around?.clientTasks ?? clientTasks, memberOf),
  }
  return level
}

export function createSpeaking(clientTasks: ClientTasks, memberOf: () => Member): Speaking {
  return { ask: clientTasks.asking(createAsk(memberOf), memberOf), tell: createTell(memberOf) }
}
