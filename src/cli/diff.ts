import type { DiffView } from '../snapshot/diff/diff-document.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { formatDiff } from './format-diff.ts'
import { openMirrorSource } from './mirror-source.ts'
import type { MirrorSource } from './reading.ts'
import { formatJson } from './table.ts'

/** Two snapshots: names, `current` or `newest`. Undefined: what the API takes instead. */
export interface SnapshotRange {
  readonly from: string | undefined
  readonly to: string | undefined
}

/** Prints in what two snapshots of a mirror differ; exits 3 when nothing does. */
export async function showDiff(mirror: string, range: SnapshotRange, options: Options): Promise<ExitCode> {
  const source = await openMirrorSource(options)
  try {
    const diff = await readDiff(source, mirror, range)
    if (options.json === true) process.stdout.write(`${formatJson(diff, 2)}\n`)
    else process.stdout.write(formatDiff(diff))
    const counts = [...Object.values(diff.summary), diff.metadata.length]
    return counts.every((count) => count === 0) && diff.advisories_error === null ? EXIT.nothing : EXIT.done
  } finally {
    await source.close()
  }
}

/** Asks for the diff of two snapshots. Throws PinyonError NOT_FOUND for what is not there. */
export async function readDiff(
  source: MirrorSource,
  mirror: string,
  range: SnapshotRange,
): Promise<DiffView> {
  const { from, to } = range
  const query = new URLSearchParams({
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  })
  // It bounds its work itself, and may be at another's.
  return await source.get<DiffView>(`mirrors/${encodeURIComponent(mirror)}/diff?${query.toString()}`, 0)
}
