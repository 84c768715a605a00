import type { MirrorConfig } from '../config/config.ts'
import { perArch } from '../config/arches.ts'
import { USUAL_EXTRA_FILES } from '../model/extra-files.ts'
import { syncArches, type ArchesContext, type ArchSource } from '../snapshot/arches/sync-arches.ts'
import type { InTurn, ThreadRunner, ThreadRunnerOptions } from '../snapshot/ingest-runner.ts'
import type { ReadyThread } from '../snapshot/ready-thread.ts'
import { syncMirror, type SyncResult } from '../snapshot/sync.ts'
import { ArchSources, type MirrorUpstreams } from '../upstream/arch-sources.ts'
import type { MirrorLists } from './mirror-lists.ts'
import type { Signatures } from './signatures.ts'

/** What a sync is run with. */
export interface SyncParts extends Omit<
  ArchesContext,
  'mirror' | 'arches' | 'ingest' | 'onCapture' | 'strict' | 'allowOlder' | 'extraFiles'
> {
  readonly settings: MirrorConfig
  readonly upstreams: MirrorUpstreams
  readonly signatures: Signatures
  readonly lists: MirrorLists
  readonly dataDir: string
  readonly processId: string
  readonly early: ReadyThread | undefined
  /** Gives what runs the ingests of one sync. */
  readonly createIngests: (options: ThreadRunnerOptions) => ThreadRunner
  /** Runs an ingest when there is room for one more. */
  readonly inTurn: InTurn
}

/** Syncs a mirror as it is configured: its one repository, or all of its architectures as one. Never throws. */
export async function runMirrorSync(parts: SyncParts): Promise<SyncResult> {
  const {
    settings,
    upstreams,
    signatures,
    lists,
    dataDir,
    processId,
    early,
    createIngests,
    inTurn,
    ...others
  } = parts
  const mirror = settings.name
  const ingest = createIngests({ dataDir, processId, early, inTurn })
  const context = {
    ...others,
    mirror,
    strict: settings.strict,
    allowOlder: settings.allowOlder,
    extraFiles:
      settings.extraFiles === undefined ? USUAL_EXTRA_FILES : { paths: settings.extraFiles, areUsual: false },
    ingest,
    onCapture: () => ingest.prepare(),
  }
  try {
    if (!(upstreams instanceof ArchSources))
      return await syncMirror({
        ...context,
        ...signatures.ofSync(settings),
        ...lists.ofSync(mirror),
        upstream: upstreams,
        readAhead: (ahead) => ingest.readAhead(ahead),
      })
    const { hopes } = signatures.ofSync(settings)
    const arches = perArch(settings).flatMap((own): ArchSource[] => {
      const { arch = '' } = own
      const upstream = upstreams.arches.get(arch)
      if (upstream === undefined) return []
      const { signature } = signatures.ofSync(own)
      const checked = signature === undefined ? {} : { signature }
      return [{ arch, upstream, ...checked, ...lists.ofSync(mirror, arch) }]
    })
    return await syncArches({ ...context, ...(hopes === undefined ? {} : { hopes }), arches })
  } finally {
    ingest.release()
  }
}
