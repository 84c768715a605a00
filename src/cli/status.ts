import type { CacheView } from '../proxy/api-context.ts'
import type { MirrorView } from '../proxy/api-mirrors.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import { formatAge, formatBytes, formatTable, toPrintable } from './table.ts'

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
    if (options.json === true) {
      const state = { running: source.running, configuration, cache, mirrors }
      process.stdout.write(`${JSON.stringify(state, undefined, 2)}\n`)
    } else {
      if (configuration.error !== null)
        process.stdout.write(`The configuration on disk is refused:\n${printLines(configuration.error)}\n`)
      process.stdout.write(formatStatus(mirrors, source.running, Date.now()))
      process.stdout.write(formatCache(cache))
    }
    const failed = mirrors.some(({ enabled, error }) => enabled && error !== null)
    return failed || !configuration.ok ? EXIT.failed : EXIT.done
  } finally {
    await source.close()
  }
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
    formatAge(mirror.last_sync, nowMs),
    mirror.error === null ? (mirror.last_sync === null ? '' : 'ok') : `failed: ${toPrintable(mirror.error)}`,
  ])
  return (
    note +
    formatTable([['MIRROR', 'CURRENT', 'SNAPSHOTS', 'LAST SYNC', 'RESULT'], ...rows]) +
    formatPins(mirrors) +
    formatSources(mirrors)
  )
}

/** Why jobs do not get the newest. */
function formatPins(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, pinned, pin_why: why }) =>
    pinned && why !== null ? [`${name} is pinned: ${toPrintable(why)}\n`] : [],
  )
  return lines.join('')
}

/** Upstream's trouble, before anybody's job meets it. */
function formatSources(mirrors: readonly MirrorView[]): string {
  const lines = mirrors.flatMap(({ name, sources }) =>
    sources
      .filter(({ state }) => state !== 'ok')
      .map(
        ({ baseurl, state, error }) =>
          `${name}: ${toPrintable(baseurl)} is ${toPrintable(state)}: ${toPrintable(error ?? '')}\n`,
      ),
  )
  return lines.join('')
}

function formatCurrent({ enabled, current, pinned, removed_at: removedAt }: MirrorView): string {
  if (removedAt !== null) return 'removed'
  if (!enabled) return 'not listed'
  if (current === null) return 'no snapshot yet'
  return pinned ? `${current} (pinned)` : current
}

function formatCache({ bytes, max_bytes: maxBytes, full, collecting }: CacheView): string {
  const running = collecting ? ' A collection runs.' : ''
  const use = `Cache: ${formatBytes(bytes)} of ${formatBytes(maxBytes)}.${running}\n`
  return full
    ? `${use}The cache is full of what may not go: new packages are passed through and not kept. See pinyon gc --dry-run; raise cache.max_size.\n`
    : use
}
