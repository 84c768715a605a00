import type { Agent } from '../model/agent.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import type { ClientUsage, MirrorUsage, MirrorUsageDetails, Usage } from '../snapshot/usage/usage.ts'
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
  { usage, showClient }: ApiContext,
  { rest: [mirror, ...further] }: ApiRequest,
): Promise<TextReply | undefined> {
  if (further.length > 0) return undefined
  // What cannot be stored now is the log's to tell; what is stored can be read all the same.
  await usage.flush().catch(() => undefined)
  if (mirror === undefined) {
    const mirrors = await usage.reader.ofMirrors()
    return createJsonReply({ mirrors: mirrors.map(toMirrorView) })
  }
  const found = await usage.reader.ofMirror(mirror)
  if (found === undefined) {
    const known = await usage.reader.ofMirrors()
    throw noSuchMirror(
      mirror,
      known.map(({ mirror: name }) => name),
    )
  }
  return createJsonReply(toDetailsView(found, showClient))
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
