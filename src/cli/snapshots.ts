import { PinyonError } from '../model/errors.ts'
import type { SnapshotView } from '../proxy/api-mirrors.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import { formatBytes, formatJson, formatTable, toPrintable } from './table.ts'

/** Prints a mirror's snapshots, newest first; exits 3 when there is no such mirror or it has none. */
export async function listSnapshots(mirror: string, options: Options): Promise<ExitCode> {
  const source = await openMirrorSource(options)
  try {
    const path = `mirrors/${encodeURIComponent(mirror)}/snapshots`
    const { snapshots } = await source.get<{ snapshots: SnapshotView[] }>(path)
    if (options.json === true) process.stdout.write(`${formatJson({ snapshots }, 2)}\n`)
    else process.stdout.write(formatSnapshots(snapshots))
    return snapshots.length === 0 ? EXIT.nothing : EXIT.done
  } catch (error) {
    if (!(error instanceof PinyonError) || error.code !== 'NOT_FOUND') throw error
    process.stderr.write(`${toPrintable(error.message)}\n`)
    return EXIT.nothing
  } finally {
    await source.close()
  }
}

function formatSnapshots(snapshots: readonly SnapshotView[]): string {
  if (snapshots.length === 0) return 'No snapshot yet.\n'
  const rows = snapshots.map(({ name, packages, bytes, current }) => [
    name,
    String(packages),
    formatBytes(bytes),
    current ? 'current' : '',
  ])
  return formatTable([['SNAPSHOT', 'PACKAGES', 'SIZE', ''], ...rows])
}
