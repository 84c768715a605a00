import { PinyonError } from '../../model/errors.ts'

/** Who holds on to a mirror. */
export interface MirrorUse {
  /** Clients that asked for something of it at or after a moment (milliseconds since the epoch), those seen last first; some of many. */
  usedSince(mirror: string, sinceMs: number): Promise<readonly MirrorClient[]>
  /** Views whose generation names one of its snapshots, by name; some of many. */
  viewsHolding(mirror: string): Promise<readonly { readonly name: string }[]>
}

/** A client of a mirror. */
export interface MirrorClient {
  readonly client: string
  readonly agent: string
  /** Milliseconds since the epoch. */
  readonly lastSeen: number
}

/** A mirror that was used within this is used, in days. */
const USED_DAYS = 14
const DAY_MS = 86_400_000

/** As many clients, and views, as are named. */
const MAX_NAMED = 5

/**
 * Refuses to remove a mirror that clients used lately or that a view holds.
 * @throws PinyonError MIRROR_IN_USE, naming who
 */
export async function refuseUsed(mirror: string, use: MirrorUse, nowMs: number): Promise<void> {
  const clients = await use.usedSince(mirror, nowMs - USED_DAYS * DAY_MS)
  const views = await use.viewsHolding(mirror)
  const reasons = [
    ...(clients.length === 0
      ? []
      : [`used in the last ${USED_DAYS} days by ${nameSome(clients.map(describeClient))}`]),
    ...(views.length === 0 ? [] : [`held by the view ${nameSome(views.map(({ name }) => name))}`]),
  ]
  if (reasons.length > 0)
    throw new PinyonError(
      'MIRROR_IN_USE',
      `${mirror} is not removed (--force removes it all the same), it is ${reasons.join('; ')}`,
    )
}

function describeClient({ client, agent, lastSeen }: MirrorClient): string {
  const day = new Date(lastSeen).toISOString().slice(0, 10)
  return agent === '' ? `${client} (${day})` : `${client} (${agent}, ${day})`
}

function nameSome(names: readonly string[]): string {
  const more = names.length - MAX_NAMED
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
