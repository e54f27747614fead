/**
 * One face of the host: everything the manifest composes, or what one profile of it shows. Many views share one graph;
 * what its clients were told, their tasks among it, is a view's own. After a reload it shows the next graph.
 */
import type { Catalog, ViewRules } from "../composition/types.ts"
import type { ConnectOptions, Readiness, Served } from "../endpoints/served.ts"
import type { ProfileEntry } from "../manifest/types.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Client, Context, Handler, McpNotification, Unsubscribe } from "../protocol/messages.ts"
import { Audience } from "./audience.ts"
import { capabilitiesOf, instructionsOf, serverInfoOf } from "./describe.ts"
import type { Graph } from "./graph.ts"
import { createProfileScope } from "./profileScope.ts"
import { createRouter } from "./router.ts"
import type { Scope } from "./scope.ts"
import { ShownUris } from "./shownUris.ts"
import { watchTask } from "./tasks.ts"
import { TaskTable } from "./taskTable.ts"

/** What a view needs of its host. */
export interface ViewHost {
  /** The graph that serves now. */
  readonly graph: Graph
  start(client: Client): void
  readiness(): Readiness
}

export class View implements Served {
  readonly #router: Handler
  /** The router with the middleware of the graph that serves around it. */
  #handler: { readonly graph: Graph; readonly handle: Handler } | undefined
  readonly #host: ViewHost
  readonly #name: string | undefined
  readonly #audience: Audience
  readonly #tasks = new TaskTable()
  /** Clients that have waited for their first list. */
  readonly #listed = new WeakSet<Client>()
  readonly #clients = new Set<Client>()
  /** Of them, those whose first list waits for servers that start. */
  readonly #patient = new WeakSet<Client>()
  #of: Graph | undefined
  #scope: Scope | undefined

  /** Without a name: all there is. */
  constructor(host: ViewHost, name?: string) {
    this.#host = host
    this.#name = name
    this.#audience = new Audience(
      (client) => this.catalog(client),
      () => this.scope.starting,
    )
    this.#router = createRouter({
      scope: () => this.scope,
      tasks: this.#tasks,
      shown: new ShownUris(),
      ready: (client, hold) => this.#ready(client, hold || this.#patient.has(client)),
      describe: (client) => this.describe(client),
    })
  }

  readonly handle: Handler = (request, context) => {
    const { graph } = this.#host
    if (this.#handler?.graph !== graph)
      this.#handler = { graph, handle: graph.counting(graph.chain.wrap(this.#router)) }
    return this.#handler.handle(request, context)
  }

  /** What it shows now; of a profile that the manifest no longer has, nothing. */
  get scope(): Scope {
    const { graph } = this.#host
    if (this.#of === graph && this.#scope !== undefined) return this.#scope
    this.#of = graph
    this.#scope = this.#scopeOf(graph)
    return this.#scope
  }

  /** Resolves when what its clients would see of a graph is taken, as far as it can be. */
  async prepare(graph: Graph): Promise<void> {
    const scope = this.#scopeOf(graph)
    await Promise.all([...this.#clients].map((client) => scope.prepare(client, true)))
  }

  get serverInfo(): JsonObject {
    const title = this.#profile?.title
    return { ...serverInfoOf(this.#host.graph.manifest), ...(title !== undefined && { title }) }
  }

  /** The clients that are there to be notified. */
  get clients(): ReadonlySet<Client> {
    return this.#clients
  }

  /** What the client sees as one server: the union of what is visible, and the merged instructions. */
  describe(client: Client): JsonObject {
    const members = this.scope.offering(client)
    const own = this.#profile?.instructions ?? this.#host.graph.manifest.host.instructions
    const { quarantine, chain } = this.#host.graph
    const instructions = instructionsOf({ own, members, quarantine }, client)
    return {
      capabilities: capabilitiesOf(members, client, chain.tools.size > 0),
      ...(instructions !== undefined && { instructions }),
    }
  }

  tell(client: Client, notification: McpNotification): void {
    this.#host.graph.tell(client, notification)
  }

  watchTask(id: string, context: Context): Promise<boolean> {
    return watchTask(id, context, { members: this.scope.members, table: this.#tasks })
  }

  tool(client: Client, name: string): JsonObject | undefined {
    const [tool, ...others] = this.catalog(client).resolveBareName("tool", name)
    return others.length === 0 ? tool?.payload : undefined
  }

  connect(client: Client, { patient = false }: ConnectOptions = {}): Unsubscribe {
    this.#host.start(client)
    this.#clients.add(client)
    if (patient) this.#patient.add(client)
    const leave = this.#audience.join(client, patient)
    return () => {
      leave()
      this.#clients.delete(client)
      this.#tasks.forget(client)
      this.#host.graph.release(client)
    }
  }

  readiness(): Readiness {
    return this.#host.readiness()
  }

  /** What a client sees; without one, what the servers showed at first. */
  catalog(client?: Client): Catalog {
    return this.scope.catalogs.of(client).visible
  }

  /** Something may be another for somebody. */
  changed(): void {
    this.#audience.changed()
  }

  close(): void {
    this.#audience.close()
  }

  get #profile(): ProfileEntry | undefined {
    return this.#profileIn(this.#host.graph)
  }

  #profileIn({ manifest }: Graph): ProfileEntry | undefined {
    return manifest.profiles.find(({ name }) => name === this.#name)
  }

  #scopeOf(graph: Graph): Scope {
    return this.#name === undefined ? graph : createProfileScope(graph, this.#profileIn(graph)?.rules ?? nothing)
  }

  async #ready(client: Client, hold: boolean): Promise<void> {
    const { graph } = this.#host
    await this.scope.prepare(client, hold)
    if (this.#listed.has(client)) return
    this.#listed.add(client)
    this.#audience.saw(client)
    // After its answer has left.
    setImmediate(() => graph.begin())
  }
}

const nothing: ViewRules = { servers: [], tags: {}, tools: {}, prompts: {}, resources: {} }
