import { counted } from '../model/count.ts'
import { PinyonError } from '../model/errors.ts'
import type { CacheView, WorkersView } from '../proxy/api-context.ts'
import type { MirrorView } from '../proxy/api-mirrors.ts'
import { formatAttention, readAttention } from './attention.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import type { MirrorSource } from './reading.ts'
import { formatAge, formatBytes, formatJson, formatTable, toPrintable } from './table.ts'

/**
 * Prints every mirror's state; exits 1 when the last sync of one failed or the configuration is refused, so that a script need not
 * read it.
 */
export async function showStatus(options: Options): Promise<ExitCode> {
  const source = await openMirrorSource(options)
  try {
    const { mirrors } = await source.get<{ mirrors: MirrorView[] }>('mirrors')
    const configuration = await source.get<ConfigurationView>('configuration')
    const cache = await source.get<CacheView>('cache')
    const workers = await readWorkers(source)
    const attention = await readAttention(source)
    if (options.json === true) {
      const state = { running: source.running, configuration, workers, cache, mirrors, attention }
      process.stdout.write(`${formatJson(state, 2)}\n`)
    } else {
      if (configuration.error !== null)
        process.stdout.write(`The configuration on disk is refused:\n${printLines(configuration.error)}\n`)
      process.stdout.write(formatStatus(mirrors, source.running, Date.now()))
      process.stdout.write(formatWorkers(workers))
      process.stdout.write(formatCache(cache))
      // The configuration's refusal stands above, in full.
      const others = attention.filter(({ code }) => code !== 'configuration_refused')
      process.stdout.write(formatAttention(others, Date.now()))
    }
    const failed = mirrors.some(({ enabled, error }) => enabled && error !== null)
    return failed || !configuration.ok ? EXIT.failed : EXIT.done
  } finally {
    await source.close()
  }
}

/** Null of a server of an earlier version. */
async function readWorkers(source: MirrorSource): Promise<WorkersView | null> {
  try {
    return await source.get<WorkersView>('workers')
  } catch (error) {
    if (error instanceof PinyonError && error.code === 'NOT_FOUND') return null
    throw error
  }
}

/** Only where there is something to tell: one process that serves is what one expects. */
function formatWorkers(workers: WorkersView | null): string {
  if (workers === null || (workers.wanted <= 1 && workers.restarts === 0)) return ''
  const { serving, wanted, restarts } = workers
  const died =
    restarts === 0 ? '' : `; ${counted(restarts, 'has died and was', 'have died and were')} replaced`
  return `${serving} of ${counted(wanted, 'process serves', 'processes serve')}${died}.\n`
}

interface ConfigurationView {
  readonly ok: boolean
  readonly error: string | null
}

function printLines(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${toPrintable(line)}\n`)
    .join('')
}

function formatStatus(mirrors: readonly MirrorView[], running: boolean, nowMs: number): string {
  const note = running ? '' : 'No server runs on this data directory.\n'
  if (mirrors.length === 0)
    return `${note}No mirrors yet: they appear when the server has read its configuration.\n`
  const rows = mirrors.map((mirror) => [
    mirror.name,
    formatCurrent(mirror),
    String(mirror.snapshots),
    formatCached(mirror),
    formatAge(mirror.last_sync, nowMs),
    mirror.error === null ? (mirror.last_sync === null ? '' : 'ok') : `failed: ${toPrintable(mirror.error)}`,
  ])
  return (
    note +
    formatTable([['MIRROR', 'CURRENT', 'SNAPSHOTS', 'CACHED', 'LAST SYNC', 'RESULT'], ...rows]) +
    formatPins(mirrors) +
    formatElsewhere(mirrors) +
    formatHoldings(mirrors) +
    formatDefects(mirrors) +
    formatExtras(mirrors) +
    formatSources(mirrors) +
    formatIdentities(mirrors)
  )
}

/** How much of the current snapshot is cached, as counted last. */
function formatCached({ cached, packages }: MirrorView): string {
  return cached === null || packages === null ? '' : `${cached} of ${packages}`
}

/** What is being fetched ahead, and what became of it. */
function formatHoldings(mirrors: readonly MirrorView[]): string {
  return mirrors.map(formatPrefetch).join('')
}

function formatPrefetch({ name, prefetch }: MirrorView): string {
  if (prefetch === null) return ''
  const { running, done, total, bytes, failed, reason, stopped } = prefetch
  const far = `${done} of ${counted(total, 'package')}, ${formatBytes(bytes)}`
  if (running) return `${name} fetches ahead: ${far} so far.\n`
  if (stopped !== null)
    return `${name} stopped fetching ahead after ${far}: ${stopped}${formatReason(reason)}.\n`
  return failed === 0 ? '' : `${name} fetched ahead ${far}; ${failed} failed${formatReason(reason)}.\n`
}

function formatReason(reason: string | null): string {
  return reason === null ? '' : `: ${toPrintable(reason)}`
}

/** Why jobs do not get the newest. */
function formatPins(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, pinned, pin_why: why }) =>
    pinned && why !== null ? [`${name} is pinned: ${toPrintable(why)}\n`] : [],
  )
  return lines.join('')
}

/** Whose clients do not stay here. */
function formatElsewhere(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, xml_base: xmlBase }) =>
    xmlBase === 'left'
      ? [
          `${name} sends clients elsewhere: its metadata have an xml:base, and are signed, so they stay as they are.\n`,
        ]
      : [],
  )
  return lines.join('')
}

/** What upstream has wrong, and clients get as it is, or not at all. */
function formatDefects(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, current, defects }) => {
    // A server of an earlier version does not tell.
    const [one] = (defects as MirrorView['defects'] | undefined)?.first ?? []
    if (one === undefined) return []
    const more = defects.count === 1 ? '' : ` (and ${defects.count - 1} more)`
    const effect = one.kind === 'missing' ? 'is answered 404' : 'is published as it is'
    return [`${name}: ${toPrintable(one.path)} of ${current} ${effect}: ${toPrintable(one.message)}${more}\n`]
  })
  return lines.join('')
}

/** What of `extra_files` clients do not get. */
function formatExtras(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, extra_file_problems: problems }) =>
    problems.map((problem) => `${name}: extra_files: ${toPrintable(problem)}\n`),
  )
  return lines.join('')
}

/** Upstream's trouble, before anybody's job meets it, and in which order the mirrors of a list are asked. */
function formatSources(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, sources, list }) => [
    // A server of an earlier version says nothing of lists.
    ...((list ?? undefined) === undefined ? [] : [formatList(name, sources, list?.error ?? null)]),
    ...sources
      .filter(({ state }) => state !== 'ok')
      .map(
        ({ baseurl, state, error }) =>
          `${name}: ${toPrintable(baseurl)} is ${toPrintable(state)}${formatReason(error)}\n`,
      ),
  ])
  return lines.join('')
}

/** As many of a list's mirrors as are worth a line. */
const SHOWN_SOURCES = 3

function formatList(name: string, sources: MirrorView['sources'], error: string | null): string {
  const shown = sources.slice(0, SHOWN_SOURCES).map(({ baseurl, latency_ms: ms, bytes_per_second: rate }) => {
    const figures = [
      ...(ms === null ? [] : [`${ms} ms`]),
      ...(rate === null ? [] : [`${formatBytes(rate)}/s`]),
    ]
    return `${toPrintable(baseurl)}${figures.length === 0 ? '' : ` (${figures.join(', ')})`}`
  })
  const more = sources.length > shown.length ? ` and ${sources.length - shown.length} more` : ''
  const asked = shown.length === 0 ? 'knows no mirrors yet' : `asks ${shown.join(', then ')}${more}`
  return `${name} ${asked}${error === null ? '' : `; ${toPrintable(error)}`}.\n`
}

/** What will keep, or keeps, upstream from answering though it is well. */
function formatIdentities(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, identity_problem: problem }) =>
    typeof problem === 'string' ? [`${name}: ${toPrintable(problem)}\n`] : [],
  )
  return lines.join('')
}

function formatCurrent({ enabled, current, pinned, removed_at: removedAt }: MirrorView): string {
  if (removedAt !== null) return 'removed'
  if (!enabled) return 'not listed'
  if (current === null) return 'no snapshot yet'
  return pinned ? `${current} (pinned)` : current
}

function formatCache({
  bytes,
  max_bytes: maxBytes,
  full,
  few_inodes: fewInodes,
  collecting,
}: CacheView): string {
  const running = collecting ? ' A collection runs.' : ''
  const use = `Cache: ${formatBytes(bytes)} of ${formatBytes(maxBytes)}.${running}\n`
  const inodes = fewInodes
    ? 'The file system of data_dir has too few free inodes, and packages give way to it: remove files there, or move data_dir.\n'
    : ''
  const remedy = fewInodes ? '' : '; raise cache.max_size'
  return full
    ? `${use}The cache is full of what may not go: new packages are passed through and not kept. See pinyon gc --dry-run${remedy}.\n${inodes}`
    : `${use}${inodes}`
}
