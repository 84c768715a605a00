import type { Digest } from '../../model/digest.ts'
import type { GcRequest } from './gc-context.ts'
import type { GcReport } from './gc-report.ts'
import { runProcess } from '../process-job.ts'

/** Runs a collection somewhere. When it settles, nothing of it runs on. */
export type GcRunner = (request: GcRequest, options: GcRunOptions) => Promise<GcReport>

/** Who stops a collection, and who is told of it. */
export interface GcRunOptions {
  readonly signal: AbortSignal
  /** Told of blobs that are gone. */
  readonly onRemoved: (digests: readonly Digest[]) => void
  /** Told what is decided, when it takes long to do: see {@link GcRequest.answerAfterMs}. */
  readonly onDecided: (report: GcReport) => void
}

/** What the process says on its way. */
export type GcProgress = { readonly removed: readonly Digest[] } | { readonly decided: GcReport }

/** What the process is told. */
export interface GcTask {
  readonly dataDir: string
  /** Names the server's process in temporary files: they are swept when that is gone. */
  readonly processId: string
  readonly request: GcRequest
}

/** Memory of a collection, in MiB: lists of a few hundred thousand blobs at the most. */
const MAX_HEAP_MB = 512

/**
 * Runs collections in a process each: none holds up a request. In a thread the same work takes twice as long, since its memory is of an
 * arena that grows piece by piece.
 */
export function createGcRunner(place: Omit<GcTask, 'request'>): GcRunner {
  return async (request, { signal, onRemoved, onDecided }) =>
    await runProcess<GcReport, GcProgress>({
      url: new URL(import.meta.resolve('./gc-process.ts')),
      task: { ...place, request } satisfies GcTask,
      doing: 'collecting garbage',
      maxHeapMb: MAX_HEAP_MB,
      signal,
      onProgress: (progress) => {
        if ('removed' in progress) onRemoved(progress.removed)
        else onDecided(progress.decided)
      },
    })
}
