import type Database from 'better-sqlite3'

import { Sketch } from '../../model/sketch.ts'
import { prepareUsage, type UsageStatements } from './sql-usage.ts'
import {
  CLIENTS_PER_MIRROR,
  NAMES_PER_MIRROR,
  type AgentCounts,
  type ClientUsage,
  type Count,
  type MirrorUsage,
  type MirrorUsageDetails,
  type SnapshotTally,
  type Usage,
  type UsageBatch,
  type UsageStore,
} from './usage.ts'
import { runWrite } from '../write-transaction.ts'

/** How long a client is kept by name, and a retired snapshot's use by itself, in milliseconds. */
const KEPT_MS = 90 * 86_400_000
/** How long a package name is: longer than any `warm_window`. In milliseconds. */
const NAMES_KEPT_MS = 367 * 86_400_000

/** Who uses what, in the tables of the snapshot database. A power cut may cost the last batches. */
export class SqliteUsage implements UsageStore {
  readonly seed: string
  readonly #database: Database.Database
  readonly #statements: UsageStatements

  constructor(database: Database.Database) {
    this.#database = database
    this.#statements = prepareUsage(database)
    this.seed = (this.#statements.seed.get() as { seed: string }).seed
  }

  async add(batch: UsageBatch): Promise<void> {
    const { addSnapshot, snapshotClients, addSnapshotAgent } = this.#statements
    const { addMirror, mirrorClients, addMirrorAgent } = this.#statements
    const ofSnapshot = { add: addSnapshot, clients: snapshotClients, addAgent: addSnapshotAgent }
    const ofMirror = { add: addMirror, clients: mirrorClients, addAgent: addMirrorAgent }
    const write = () => {
      for (const tally of batch.snapshots) {
        addTally(ofSnapshot, tally.snapshotId, tally)
        addTally(ofMirror, tally.mirrorId, tally)
      }
      for (const name of batch.names ?? []) this.#statements.addName.run(name)
      for (const client of batch.clients) this.#statements.addClient.run(client)
      for (const mirrorId of new Set(batch.clients.map((client) => client.mirrorId)))
        this.#statements.dropSurplusClients.run({ mirrorId, keep: CLIENTS_PER_MIRROR })
    }
    await runWrite(this.#database, write, { durable: false })
  }

  async prune(nowMs: number): Promise<void> {
    const { dropOldClients, dropRetired, dropRetiredAgents, dropOldNames, dropSurplusNames } =
      this.#statements
    const write = () => {
      for (const statement of [dropOldClients, dropRetired, dropRetiredAgents])
        statement.run({ before: nowMs - KEPT_MS })
      dropOldNames.run({ before: nowMs - NAMES_KEPT_MS })
      dropSurplusNames.run({ keep: NAMES_PER_MIRROR })
    }
    await runWrite(this.#database, write, { durable: false })
  }

  async ofMirrors(): Promise<readonly MirrorUsage[]> {
    const read = () => (this.#statements.mirrors.all({ mirror: null }) as MirrorRow[]).map(this.#toMirror)
    return this.#database.transaction(read)()
  }

  async ofMirror(mirror: string): Promise<MirrorUsageDetails | undefined> {
    const { mirrors, snapshots, snapshotAgents, clients } = this.#statements
    const read = () => {
      const row = mirrors.get({ mirror }) as MirrorRow | undefined
      if (row === undefined) return undefined
      const used = snapshots.all({ id: row.id }) as SnapshotRow[]
      return {
        ...this.#toMirror(row),
        snapshots: used.map((one) => ({
          snapshot: one.snapshot,
          retired: one.retired === 1,
          ...toUsage(one, snapshotAgents.all({ id: one.id }) as AgentCounts),
        })),
        clients: clients.all({ id: row.id }) as ClientUsage[],
      }
    }
    return this.#database.transaction(read)()
  }

  readonly #toMirror = (row: MirrorRow): MirrorUsage => {
    const agents = this.#statements.mirrorAgents.all({ id: row.id }) as AgentCounts
    const usage = row.clients === null ? undefined : toUsage(row as UsageRow, agents)
    return { mirror: row.mirror, countedSince: row.countedSince ?? undefined, usage }
  }
}

interface UsageRow extends Count {
  readonly id: number
  readonly clients: Uint8Array
}

interface SnapshotRow extends UsageRow {
  readonly snapshot: string
  readonly retired: number
}

/** The counts are null as well where the clients are. */
type MirrorRow = Omit<UsageRow, 'clients'> & {
  readonly clients: Uint8Array | null
  readonly mirror: string
  readonly countedSince: number | null
}

function toUsage(row: UsageRow, agents: AgentCounts): Usage {
  const { requests, bytes, firstSeen, lastSeen } = row
  return { requests, bytes, firstSeen, lastSeen, clients: Sketch.from(row.clients).count(), agents }
}

/** Statements that add to what a row of a kind says: counts, the clients it has so far, requests by agent. */
type AddStatements = Readonly<Record<'add' | 'clients' | 'addAgent', Database.Statement>>

/** Inside a transaction. Does nothing where what it is about is gone. */
function addTally(statements: AddStatements, id: number, tally: SnapshotTally): void {
  const { mirrorId, requests, bytes, firstSeen, lastSeen, agents } = tally
  const known = statements.clients.get({ id }) as { clients: Uint8Array } | undefined
  const clients = known === undefined ? new Sketch() : Sketch.from(known.clients)
  clients.merge(tally.clients)
  const row = { id, mirrorId, requests, bytes, firstSeen, lastSeen, clients: clients.toBytes() }
  if (statements.add.run(row).changes === 0) return
  for (const [agent, count] of agents) statements.addAgent.run({ id, agent, requests: count })
}
