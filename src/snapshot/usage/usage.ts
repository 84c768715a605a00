import type { Agent } from '../../model/agent.ts'
import type { Sketch } from '../../model/sketch.ts'

/** Clients of a mirror that are kept by name: those seen last. */
export const CLIENTS_PER_MIRROR = 1_000
/** Package names of a mirror that are kept: those asked for last. */
export const NAMES_PER_MIRROR = 20_000

/** How much, and from when to when, in milliseconds since the epoch. */
export interface Count {
  readonly requests: number
  /** Of bodies, as far as they were sent. */
  readonly bytes: number
  readonly firstSeen: number
  readonly lastSeen: number
}

/** Requests by kind of client, most first. */
export type AgentCounts = readonly { readonly agent: Agent; readonly requests: number }[]

/** The use of a mirror or a snapshot. */
export interface Usage extends Count {
  /** Distinct addresses: exact up to {@link EXACT_MEMBERS} of model/sketch.ts, then an estimate. */
  readonly clients: number
  readonly agents: AgentCounts
}

/** A client of a mirror. */
export interface ClientUsage extends Count {
  readonly client: string
  readonly agent: Agent
}

/** A mirror that nobody has used within this is unused, in milliseconds. */
const UNUSED_MS = 14 * 86_400_000

/** Whether nobody has used it for 14 days. @param lastSeen undefined for never */
export function isUnused(lastSeen: number | undefined, nowMs: number): boolean {
  return nowMs - (lastSeen ?? 0) >= UNUSED_MS
}

/** What is known of a mirror's use. */
export interface MirrorUsage {
  readonly mirror: string
  /** Since when it could have been used and that would have been counted; undefined while it has no snapshot. */
  readonly countedSince: number | undefined
  /** Undefined when it never was. */
  readonly usage: Usage | undefined
}

/** What is known of a mirror's use, snapshot by snapshot and client by client. */
export interface MirrorUsageDetails extends MirrorUsage {
  /** Newest first, without those that were never used. */
  readonly snapshots: readonly (Usage & { readonly snapshot: string; readonly retired: boolean })[]
  /** Seen last first; at most {@link CLIENTS_PER_MIRROR}, none that was not seen for 90 days. */
  readonly clients: readonly ClientUsage[]
}

/** What is new of a snapshot's use. */
export interface SnapshotTally extends Count {
  readonly snapshotId: number
  readonly mirrorId: number
  readonly clients: Sketch
  readonly agents: ReadonlyMap<Agent, number>
}

/** A package name that a mirror was asked for. */
export interface AskedName {
  readonly mirrorId: number
  readonly name: string
  /** Milliseconds since the epoch; up to an hour may be missing. */
  readonly askedAt: number
}

/** What is new since the batch before. */
export interface UsageBatch {
  readonly snapshots: readonly SnapshotTally[]
  readonly clients: readonly (ClientUsage & { readonly mirrorId: number })[]
  readonly names?: readonly AskedName[]
}

/** Reading who uses what. */
export interface UsageReader {
  /** Every mirror known, by name, also those never used. */
  ofMirrors(): Promise<readonly MirrorUsage[]>
  /** Undefined for a mirror that is not known. */
  ofMirror(mirror: string): Promise<MirrorUsageDetails | undefined>
}

/** Who uses what. Several processes may add to it. */
export interface UsageStore extends UsageReader {
  /** What client addresses are hashed with, the same for all who add. */
  readonly seed: string
  /** Adds a batch to what is there, as a whole or, when it throws, not at all. What it says of snapshots that are gone is dropped. */
  add(batch: UsageBatch): Promise<void>
  /** Forgets clients not seen for 90 days, the use of single snapshots retired for as long, and package names not asked for in a year. */
  prune(nowMs: number): Promise<void>
}
