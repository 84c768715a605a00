import { ACTORS } from '../../model/actor.ts'
import { digestOf } from '../../model/digest.ts'
import type { ExtraWishes } from '../../model/extra-files.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { CandidateFile, Snapshot, SnapshotReader } from '../store.ts'
import { EXTRA_TYPE } from './capture-extras.ts'
import { readExtras } from './read-extras.ts'

// repomd.xml says nothing of files beside it, so that they may change alone. Looking costs a request a file: once a day, and whenever somebody asks.

const LOOK_INTERVAL_MS = 86_400_000

/** A look at the files beside a repomd.xml that is the same as before. */
export interface ExtraLook {
  /** What the repository is called. */
  readonly repository: string
  /** When its snapshot was made; both in milliseconds since the epoch. */
  readonly createdAt: number
  readonly nowMs: number
  readonly actor: string
}

/** When files beside repomd.xml were looked at last, by repository. */
export class ExtraLooks {
  readonly #lookedAt = new Map<string, number>()

  /** Whether it is time for one. That counts as a look. */
  take({ repository, createdAt, nowMs, actor }: ExtraLook): boolean {
    const last = this.#lookedAt.get(repository) ?? createdAt
    // A time to come is of a clock that was set back.
    const isDue = actor !== ACTORS.schedule || nowMs - last >= LOOK_INTERVAL_MS || last > nowMs
    if (isDue) this.#lookedAt.set(repository, nowMs)
    return isDue
  }
}

/** What a look at them needs. */
export interface ChangesContext {
  readonly upstream: Upstream
  readonly store: Pick<SnapshotReader, 'files' | 'seenRepomd'>
  readonly signal: AbortSignal
}

/**
 * The paths of those that upstream has otherwise than a snapshot, or that it has and the snapshot not. One that is gone is none: of several
 * servers some may lack it. None where upstream is in trouble: the snapshot is right by its repomd.xml.
 */
export async function findChangedExtras(
  context: ChangesContext,
  extraFiles: ExtraWishes,
  snapshot: Snapshot,
): Promise<readonly string[]> {
  const { upstream, signal, store } = context
  const files = await store.files(snapshot)
  const baseurl = (await store.seenRepomd(snapshot.mirror))?.baseurl
  if (baseurl === undefined || !upstream.baseurls.includes(baseurl)) return []
  const named = new Set(files.filter(({ type }) => type !== EXTRA_TYPE).map(({ path }) => path))
  const now: Pick<CandidateFile, 'path' | 'digest'>[] = []
  try {
    await readExtras(
      { upstream, signal, extraFiles, baseurl, named },
      async (path, bytes) => void now.push({ path, digest: digestOf(bytes) }),
    )
  } catch {
    signal.throwIfAborted()
    return []
  }
  return differing(now, files)
}

/** The paths of files that are not the same among those of before. */
export function differing(
  files: readonly Pick<CandidateFile, 'path' | 'digest'>[],
  before: readonly Pick<CandidateFile, 'path' | 'digest'>[],
): readonly string[] {
  const digests = new Map(before.map(({ path, digest }) => [path, digest]))
  return files.filter(({ path, digest }) => digests.get(path) !== digest).map(({ path }) => path)
}
