import { counted } from '../model/count.ts'
import { compareText } from '../model/nevra.ts'
import { EXACT_MEMBERS } from '../model/sketch.ts'
import { PinyonError } from '../model/errors.ts'
import type {
  ClientUsageView,
  MirrorUsageDetailsView,
  MirrorUsageView,
  UsageView,
} from '../proxy/api-usage.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import type { MirrorSource } from './reading.ts'
import { formatAge, formatBytes, formatJson, formatTable, toPrintable } from './table.ts'

/** A mirror that nobody used for so long can go, in milliseconds. */
const IDLE_MS = 14 * 86_400_000
const IDLE = 'nobody for 14 days'

/** Prints who uses what; exits 3 when there is no such mirror, none at all, or it was never used. */
export async function showUsage(mirror: string | undefined, options: Options): Promise<ExitCode> {
  const source = await openMirrorSource(options)
  try {
    return await (mirror === undefined ? showMirrors(source, options) : showMirror(source, mirror, options))
  } catch (error) {
    if (!(error instanceof PinyonError) || error.code !== 'NOT_FOUND') throw error
    process.stderr.write(`${toPrintable(error.message)}\n`)
    return EXIT.nothing
  } finally {
    await source.close()
  }
}

async function showMirrors(source: MirrorSource, { json }: Options): Promise<ExitCode> {
  const { mirrors } = await source.get<{ mirrors: MirrorUsageView[] }>('usage')
  if (json === true) process.stdout.write(`${formatJson({ mirrors }, 2)}\n`)
  else process.stdout.write(formatMirrors(mirrors, Date.now()))
  return mirrors.length === 0 ? EXIT.nothing : EXIT.done
}

async function showMirror(source: MirrorSource, mirror: string, { json }: Options): Promise<ExitCode> {
  const details = await source.get<MirrorUsageDetailsView>(`usage/${encodeURIComponent(mirror)}`)
  if (json === true) process.stdout.write(`${formatJson(details, 2)}\n`)
  else process.stdout.write(formatDetails(details, Date.now()))
  return details.last_seen === null ? EXIT.nothing : EXIT.done
}

/**
 * Whether nobody used a mirror for 14 days: one that was never used must have been there, and counted, for as long. One without a
 * snapshot has nothing to use.
 */
export function isIdle(
  { last_seen: lastSeen, counted_since: since }: MirrorUsageView,
  nowMs: number,
): boolean {
  const quietSince = lastSeen ?? since
  return quietSince !== null && nowMs - Date.parse(quietSince) >= IDLE_MS
}

/** Every mirror, never used ones and then those unused for longest first, and below them which of them nobody needs. */
export function formatMirrors(mirrors: readonly MirrorUsageView[], nowMs: number): string {
  if (mirrors.length === 0) return 'No mirrors yet: they appear when the server has read its configuration.\n'
  const sorted = mirrors.toSorted((a, b) => compareText(a.last_seen ?? '', b.last_seen ?? ''))
  const head = ['MIRROR', 'LAST USED', 'REQUESTS', 'SENT', 'CLIENTS', 'AGENTS']
  const rows = sorted.map((one) => [one.mirror, ...formatUse(one, nowMs)])
  const idle = sorted.filter((one) => isIdle(one, nowMs)).map(({ mirror }) => mirror)
  return formatTable([head, ...rows]) + (idle.length === 0 ? '' : `\nUsed by ${IDLE}: ${idle.join(' ')}\n`)
}

/** One mirror: what to make of it, its snapshots, and who its clients are. */
export function formatDetails(details: MirrorUsageDetailsView, nowMs: number): string {
  const { snapshots, recent_clients: clients } = details
  const verdict = `${details.mirror}: ${formatVerdict(details, nowMs)}\n`
  if (details.last_seen === null) return verdict
  const snapshotRows = snapshots.map(({ snapshot, retired, ...use }) => [
    snapshot,
    ...formatUse(use, nowMs),
    retired ? 'retired' : '',
  ])
  const clientRows = clients.map((client) => formatClient(client, nowMs))
  return [
    verdict,
    formatTable([['SNAPSHOT', 'LAST USED', 'REQUESTS', 'SENT', 'CLIENTS', 'AGENTS', ''], ...snapshotRows]),
    formatTable([['CLIENT', 'AGENT', 'LAST USED', 'REQUESTS', 'SENT'], ...clientRows]),
  ].join('\n')
}

function formatVerdict(details: MirrorUsageView, nowMs: number): string {
  const { last_seen: lastSeen, counted_since: since } = details
  const idle = isIdle(details, nowMs) ? `used by ${IDLE}, ` : ''
  if (lastSeen === null && since === null) return 'never used: it has no snapshot yet'
  if (lastSeen === null) return `${idle}never used, counted since ${formatAge(since, nowMs)}`
  const total = `${counted(details.requests, 'request')}, ${formatBytes(details.bytes)}, ${formatClients(details)} ${details.clients === 1 ? 'client' : 'clients'}`
  return `${idle}last used ${formatAge(lastSeen, nowMs)}: ${total}`
}

function formatUse(use: UsageView, nowMs: number): string[] {
  return [
    formatAge(use.last_seen, nowMs),
    String(use.requests),
    formatBytes(use.bytes),
    formatClients(use),
    use.agents.map(({ agent }) => toPrintable(agent)).join(', '),
  ]
}

/** `~` says that it is an estimate. */
function formatClients({ clients }: UsageView): string {
  return `${clients > EXACT_MEMBERS ? '~' : ''}${clients}`
}

function formatClient(one: ClientUsageView, nowMs: number): string[] {
  return [
    toPrintable(one.client),
    toPrintable(one.agent),
    formatAge(one.last_seen, nowMs),
    String(one.requests),
    formatBytes(one.bytes),
  ]
}
