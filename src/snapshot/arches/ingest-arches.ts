import { joinArch, splitArch } from '../../model/arch.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import type { PackageRecord } from '../../model/repodata.ts'
import {
  LeadsElsewhere,
  MAX_PACKAGES,
  openRepository,
  type IngestContext,
  type IngestJob,
  type OpenRepository,
} from '../ingest.ts'
import { localize } from '../localize.ts'
import type { Candidate, Defect, PublishedSnapshot } from '../store.ts'
import { mergeCandidates, type ArchCandidate } from './merge-candidates.ts'

/** Captured repodata of several architectures that are to be one snapshot; plain data. */
export interface ArchesJob {
  readonly mirror: string
  /** At least one, each of another architecture; paths are those of its own repository. */
  readonly parts: readonly ArchPart[]
  readonly nowMs: number
  /** Who asked for it; the schedule unless told. */
  readonly actor?: string
}

/** The captured repodata of one of them. */
export interface ArchPart {
  readonly arch: string
  readonly job: IngestJob
}

interface OpenPart extends OpenRepository {
  readonly arch: string
}

/**
 * Reads the primaries of all architectures, one after the other, and publishes one snapshot of them: all or nothing.
 * @throws PinyonError as an ingest of one repository does, naming the architecture; nothing has changed
 */
export async function ingestArches(job: ArchesJob, context: IngestContext): Promise<PublishedSnapshot> {
  let { parts } = job
  // Each is rewritten once at most.
  for (;;) {
    try {
      return await ingestOnce({ ...job, parts }, context)
    } catch (error) {
      if (!(error instanceof LeadsElsewhere)) throw error
      const rewritten = await localize(error.job, context.blobs)
      parts = parts.map((part) => (part.job === error.job ? { ...part, job: rewritten } : part))
    }
  }
}

async function ingestOnce(job: ArchesJob, context: IngestContext): Promise<PublishedSnapshot> {
  const opened: OpenPart[] = []
  try {
    return await context.store.publish({
      mirror: job.mirror,
      nowMs: job.nowMs,
      checkBlobs: true,
      ...(job.actor === undefined ? {} : { actor: job.actor }),
      packages: readAll(job.parts, context, opened),
      complete: (duplicates) => complete(job.mirror, opened, duplicates),
    })
  } finally {
    for (const part of opened) await part.close()
  }
}

/** The packages of each part, their hrefs behind its name, and the parts as they are opened for that. */
async function* readAll(
  parts: readonly ArchPart[],
  context: IngestContext,
  opened: OpenPart[],
): AsyncIterable<readonly PackageRecord[]> {
  const { maxPackages = MAX_PACKAGES, onPackages } = context
  let read = 0
  for (const { arch, job } of parts) {
    const before = read
    const own: IngestContext = {
      ...context,
      // The bound is one of all of them: it is of memory.
      maxPackages: maxPackages - before,
      onPackages: (count) => {
        read = before + count
        onPackages?.(read)
      },
    }
    try {
      const part = await openRepository(job, own)
      opened.push({ ...part, arch })
      for await (const batch of part.packages)
        yield batch.map((one) => ({ ...one, href: joinArch(arch, one.href) }))
    } catch (error) {
      throw nameArch(arch, error)
    }
  }
}

async function complete(
  mirror: string,
  opened: readonly OpenPart[],
  duplicates: readonly Defect[],
): Promise<Candidate> {
  const parts: ArchCandidate[] = []
  for (const part of opened) {
    const { arch } = part
    const own = duplicates.flatMap((one): Defect[] => {
      const path = splitArch(one.path, [arch])?.path
      return path === undefined ? [] : [{ ...one, path }]
    })
    try {
      parts.push({ arch, candidate: await part.complete(own) })
    } catch (error) {
      throw nameArch(arch, error)
    }
  }
  return mergeCandidates(mirror, parts)
}

/** An error with the architecture that it is about; what is no trouble with that stays what it is. */
export function nameArch(arch: string, error: unknown): unknown {
  if (!(error instanceof PinyonError)) return error
  const { code, message, facts } = toPinyonError(error)
  return new PinyonError(code, `${arch}: ${message}`, { ...facts, cause: error })
}
