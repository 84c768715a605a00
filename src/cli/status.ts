import type { MirrorView } from '../proxy/api.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import { formatAge, formatTable, toPrintable } from './table.ts'

/** Prints every mirror's state; exits 1 when the last sync of one failed, so that a script need not read it. */
export async function showStatus(options: Options): Promise<ExitCode> {
  const source = await openMirrorSource(options.config)
  try {
    const { mirrors } = await source.get<{ mirrors: MirrorView[] }>('mirrors')
    if (options.json === true)
      process.stdout.write(`${JSON.stringify({ running: source.running, mirrors }, undefined, 2)}\n`)
    else process.stdout.write(formatStatus(mirrors, source.running, Date.now()))
    const failed = mirrors.some(({ enabled, error }) => enabled && error !== null)
    return failed ? EXIT.failed : EXIT.done
  } finally {
    await source.close()
  }
}

function formatStatus(mirrors: readonly MirrorView[], running: boolean, nowMs: number): string {
  const note = running ? '' : 'No server runs on this data directory.\n'
  if (mirrors.length === 0)
    return `${note}No mirrors yet: they appear when the server has read its configuration.\n`
  const rows = mirrors.map((mirror) => [
    mirror.name,
    mirror.enabled ? (mirror.current ?? 'no snapshot yet') : 'not listed',
    String(mirror.snapshots),
    formatAge(mirror.last_sync, nowMs),
    mirror.error === null ? (mirror.last_sync === null ? '' : 'ok') : `failed: ${toPrintable(mirror.error)}`,
  ])
  return note + formatTable([['MIRROR', 'CURRENT', 'SNAPSHOTS', 'LAST SYNC', 'RESULT'], ...rows])
}
