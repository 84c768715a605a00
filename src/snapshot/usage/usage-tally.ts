import { classifyAgent, type Agent } from '../../model/agent.ts'
import { toPlainAddress } from '../../model/network.ts'
import { hashMember, Sketch } from '../../model/sketch.ts'
import type { Snapshot } from '../store.ts'
import { CLIENTS_PER_MIRROR, type ClientUsage, type Count, type UsageBatch } from './usage.ts'

/** Clients, each with each snapshot it uses, that a tally knows by name: some 2 MB. Of others it only knows how many and how much. */
export const MAX_NAMED = 4_096

/** Snapshots, and clients of them, that a store is given at once. */
const SNAPSHOTS_AT_ONCE = 60
const NAMED_AT_ONCE = 800

/** Who asks, prepared for counting. */
export interface UsageClient {
  readonly address: string
  readonly agent: Agent
  readonly hash: number
  /** Address and agent. */
  readonly key: string
}

/** Prepares a client by its address and its User-Agent. */
export function createUsageClient(seed: string, address: string, userAgent: string | undefined): UsageClient {
  // An address is no longer than this, whatever zone it names.
  const plain = toPlainAddress(address).slice(0, 64)
  const agent = classifyAgent(userAgent)
  return { address: plain, agent, hash: hashMember(seed, plain), key: `${plain} ${agent}` }
}

type Counter = { -readonly [Key in keyof Count]: Count[Key] }

interface NamedCounter extends Counter {
  readonly client: UsageClient
}

/** One snapshot's part of a tally. */
interface SnapshotCounters {
  readonly snapshotId: number
  readonly mirrorId: number
  readonly named: Map<string, NamedCounter>
  /** Those who came when the tally was full, by agent. */
  readonly unnamed: Map<Agent, Counter>
  readonly unnamedClients: Sketch
}

/** Counts in memory, in as much of it as there are snapshots and {@link MAX_NAMED} clients, whoever comes. */
export class UsageTally {
  readonly #snapshots = new Map<number, SnapshotCounters>()
  #named = 0

  /** Clients it knows by name, each as often as the snapshots it uses. */
  get named(): number {
    return this.#named
  }

  /** Whether further clients would only be counted. */
  get isFull(): boolean {
    return this.#named >= MAX_NAMED
  }

  /** Counts a request of a snapshot that got so many bytes, or several that got them together. */
  count(
    snapshot: Pick<Snapshot, 'id' | 'mirrorId'>,
    client: UsageClient,
    bytes: number,
    nowMs: number,
    requests = 1,
  ): void {
    const counters = this.#snapshots.get(snapshot.id) ?? this.#addSnapshot(snapshot.id, snapshot.mirrorId)
    const counter = counters.named.get(client.key) ?? this.#addClient(counters, client, nowMs)
    counter.requests += requests
    counter.bytes += bytes
    if (counter.lastSeen < nowMs) counter.lastSeen = nowMs
  }

  /** Adds what a later tally has counted. */
  absorb(later: UsageTally): void {
    for (const { snapshotId, mirrorId, named, unnamed, unnamedClients } of later.#snapshots.values()) {
      const counters = this.#snapshots.get(snapshotId) ?? this.#addSnapshot(snapshotId, mirrorId)
      for (const [key, counter] of named) {
        const { client, firstSeen } = counter
        addCount(counters.named.get(key) ?? this.#addClient(counters, client, firstSeen), counter)
      }
      for (const [agent, counter] of unnamed)
        addCount(unnamedCounter(counters, agent, counter.firstSeen), counter)
      counters.unnamedClients.merge(unnamedClients)
    }
  }

  /** The same in parts, each of which a store takes in a few milliseconds. */
  split(): UsageTally[] {
    const parts: UsageTally[] = []
    for (const counters of this.#snapshots.values())
      for (const piece of splitNamed(counters)) {
        const last = parts.at(-1)
        const fits =
          last !== undefined &&
          last.#snapshots.size < SNAPSHOTS_AT_ONCE &&
          last.#named + piece.named.size <= NAMED_AT_ONCE
        const part = fits ? last : new UsageTally()
        if (!fits) parts.push(part)
        part.#snapshots.set(piece.snapshotId, piece)
        part.#named += piece.named.size
      }
    return parts
  }

  /** What it has counted, as stores take it. */
  toBatch(): UsageBatch {
    const all = [...this.#snapshots.values()]
    const mirrors = Map.groupBy(all, ({ mirrorId }) => mirrorId)
    return {
      snapshots: all.map(toSnapshotTally),
      clients: [...mirrors].flatMap(([mirrorId, snapshots]) =>
        mergeClients(snapshots).map((client) => ({ ...client, mirrorId })),
      ),
    }
  }

  #addSnapshot(snapshotId: number, mirrorId: number): SnapshotCounters {
    const rest = { unnamed: new Map(), unnamedClients: new Sketch() }
    const counters = { snapshotId, mirrorId, named: new Map(), ...rest }
    this.#snapshots.set(snapshotId, counters)
    return counters
  }

  #addClient(counters: SnapshotCounters, client: UsageClient, nowMs: number): Counter {
    if (this.isFull) {
      counters.unnamedClients.add(client.hash)
      return unnamedCounter(counters, client.agent, nowMs)
    }
    this.#named += 1
    const counter = { client, ...startCount(nowMs) }
    counters.named.set(client.key, counter)
    return counter
  }
}

function splitNamed(counters: SnapshotCounters): SnapshotCounters[] {
  const named = [...counters.named]
  const pieces: SnapshotCounters[] = []
  for (let at = 0; at === 0 || at < named.length; at += NAMED_AT_ONCE) {
    const rest = at === 0 ? {} : { unnamed: new Map<Agent, Counter>(), unnamedClients: new Sketch() }
    pieces.push({ ...counters, named: new Map(named.slice(at, at + NAMED_AT_ONCE)), ...rest })
  }
  return pieces
}

function startCount(nowMs: number): Counter {
  return { requests: 0, bytes: 0, firstSeen: nowMs, lastSeen: nowMs }
}

function unnamedCounter({ unnamed }: SnapshotCounters, agent: Agent, nowMs: number): Counter {
  const known = unnamed.get(agent)
  if (known !== undefined) return known
  const counter = startCount(nowMs)
  unnamed.set(agent, counter)
  return counter
}

function addCount(counter: Counter, { requests, bytes, firstSeen, lastSeen }: Count): void {
  counter.requests += requests
  counter.bytes += bytes
  counter.firstSeen = Math.min(counter.firstSeen, firstSeen)
  counter.lastSeen = Math.max(counter.lastSeen, lastSeen)
}

function toSnapshotTally(counters: SnapshotCounters): UsageBatch['snapshots'][number] {
  const { snapshotId, mirrorId, named, unnamed, unnamedClients } = counters
  const total = startCount(Number.POSITIVE_INFINITY)
  total.lastSeen = Number.NEGATIVE_INFINITY
  const agents = new Map<Agent, number>()
  const add = (agent: Agent, counter: Count) => {
    addCount(total, counter)
    agents.set(agent, (agents.get(agent) ?? 0) + counter.requests)
  }
  const clients = new Sketch()
  clients.merge(unnamedClients)
  for (const counter of named.values()) {
    clients.add(counter.client.hash)
    add(counter.client.agent, counter)
  }
  for (const [agent, counter] of unnamed) add(agent, counter)
  return { snapshotId, mirrorId, clients, agents, ...total }
}

/** A mirror's clients over its snapshots; no more than are kept of it anyway, those seen last. */
function mergeClients(snapshots: readonly SnapshotCounters[]): ClientUsage[] {
  const merged = new Map<string, Counter & ClientUsage>()
  for (const { named } of snapshots)
    for (const [key, { client, ...counter }] of named) {
      const known = merged.get(key)
      if (known === undefined) merged.set(key, { ...counter, client: client.address, agent: client.agent })
      else addCount(known, counter)
    }
  return [...merged.values()].toSorted((a, b) => b.lastSeen - a.lastSeen).slice(0, CLIENTS_PER_MIRROR)
}
