import type { Agent } from '../model/agent.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import {
  isUnused,
  type ClientUsage,
  type MirrorUsage,
  type MirrorUsageDetails,
  type Usage,
} from '../snapshot/usage/usage.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply, toIso } from './api-reply.ts'
import type { TextReply } from './reply.ts'

/** Use as the API shows it. Times are ISO 8601; null where there was none. */
export interface UsageView {
  readonly requests: number
  /** Of bodies, as far as they were sent. */
  readonly bytes: number
  /** Distinct addresses: exact up to 128, then an estimate. */
  readonly clients: number
  readonly agents: readonly { readonly agent: Agent; readonly requests: number }[]
  readonly first_seen: string | null
  readonly last_seen: string | null
}

/** A mirror's use. */
export interface MirrorUsageView extends UsageView {
  readonly mirror: string
  /** Since when it could have been used and that would have been counted; null while it has no snapshot. */
  readonly counted_since: string | null
}

/** What would go with a mirror. */
export interface RemovalView {
  /** Of one that nobody has used for 14 days: the bytes on disk that only it lists; null of others, and while that is not known. */
  readonly only_held_bytes: number | null
}

/** A mirror's use by snapshot, newest first, and by client, seen last first. */
export interface MirrorUsageDetailsView extends MirrorUsageView {
  readonly snapshots: readonly (UsageView & { readonly snapshot: string; readonly retired: boolean })[]
  readonly recent_clients: readonly ClientUsageView[]
}

/** A client, by its address or, over the network, all those of its network that are of one kind. */
export interface ClientUsageView {
  readonly client: string
  readonly agent: Agent
  readonly requests: number
  readonly bytes: number
  readonly first_seen: string
  readonly last_seen: string
}

/** Answers `usage`, and `usage/<mirror>`. */
export async function answerUsage(
  context: ApiContext,
  { rest: [mirror, ...further] }: ApiRequest,
): Promise<TextReply | undefined> {
  const { usage, showClient } = context
  if (further.length > 0) return undefined
  // What cannot be stored now is the log's to tell; what is stored can be read all the same.
  await usage.flush().catch(() => undefined)
  if (mirror === undefined) {
    const mirrors = await usage.reader.ofMirrors()
    const toRemoval = await removalViews(context, mirrors)
    return createJsonReply({ mirrors: mirrors.map((one) => ({ ...toMirrorView(one), ...toRemoval(one) })) })
  }
  const found = await usage.reader.ofMirror(mirror)
  if (found === undefined) {
    const known = await usage.reader.ofMirrors()
    throw noSuchMirror(
      mirror,
      known.map(({ mirror: name }) => name),
    )
  }
  const toRemoval = await removalViews(context, [found])
  return createJsonReply({ ...toDetailsView(found, showClient), ...toRemoval(found) })
}

/** Looked for only where there is one that nobody uses. */
async function removalViews(
  { soleBytes, now }: ApiContext,
  mirrors: readonly MirrorUsage[],
): Promise<(mirror: MirrorUsage) => RemovalView> {
  const nowMs = now()
  const isIdle = ({ usage }: MirrorUsage) => isUnused(usage?.lastSeen, nowMs)
  const sole = mirrors.some(isIdle) ? await soleBytes('mirrors') : undefined
  return (one) => ({ only_held_bytes: sole && isIdle(one) ? (sole.get(one.mirror) ?? 0) : null })
}

/** A mirror's use in the API's words. */
export function toDetailsView(
  details: MirrorUsageDetails,
  showClient: ApiContext['showClient'],
): MirrorUsageDetailsView {
  const clients = mergeShown(details.clients, showClient)
  return {
    ...toMirrorView(details),
    snapshots: details.snapshots.map(({ snapshot, retired, ...used }) => ({
      snapshot,
      retired,
      ...toUsageView(used),
    })),
    recent_clients: clients.map(({ client, agent, requests, bytes, firstSeen, lastSeen }) => ({
      client,
      agent,
      requests,
      bytes,
      first_seen: new Date(firstSeen).toISOString(),
      last_seen: new Date(lastSeen).toISOString(),
    })),
  }
}

function toMirrorView({ mirror, countedSince, usage }: MirrorUsage): MirrorUsageView {
  return { mirror, counted_since: toIso(countedSince), ...toUsageView(usage) }
}

function toUsageView(usage: Usage | undefined): UsageView {
  const { requests = 0, bytes = 0, clients = 0, agents = [], firstSeen, lastSeen } = usage ?? {}
  return {
    requests,
    bytes,
    clients,
    agents,
    first_seen: toIso(firstSeen),
    last_seen: toIso(lastSeen),
  }
}

/** Clients as they may be shown, those that then look alike as one, in the order of the one of each that was seen last. */
function mergeShown(clients: readonly ClientUsage[], showClient: ApiContext['showClient']): ClientUsage[] {
  const merged = new Map<string, ClientUsage>()
  for (const one of clients) {
    const client = showClient(one.client)
    const key = `${client} ${one.agent}`
    const { requests, bytes, firstSeen, lastSeen } = merged.get(key) ?? { ...one, requests: 0, bytes: 0 }
    merged.set(key, {
      client,
      agent: one.agent,
      requests: requests + one.requests,
      bytes: bytes + one.bytes,
      firstSeen: Math.min(firstSeen, one.firstSeen),
      lastSeen: Math.max(lastSeen, one.lastSeen),
    })
  }
  return [...merged.values()]
}
