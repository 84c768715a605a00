import { joinArch, splitArch } from '../../model/arch.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import type { PackageRecord } from '../../model/repodata.ts'
import {
  LeadsElsewhere,
  MAX_PACKAGES,
  openRepository,
  refuseDefects,
  type IngestContext,
  type IngestJob,
  type OpenRepository,
} from '../ingest.ts'
import { localize } from '../localize.ts'
import type { Candidate, Defect, PublishedSnapshot } from '../store.ts'
import type { KeptArches } from './kept-arches.ts'
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
  /** Present where it is what it is in a snapshot already. */
  readonly kept?: KeptPart
}

/** What is known of a part that is in a snapshot already: as long as that is the newest, nothing of it has to be read again. */
export interface KeptPart {
  readonly snapshotId: number
  /** What was found wrong with it, but for what it replaced there. */
  readonly found: readonly Defect[]
}

interface OpenPart extends OpenRepository {
  readonly arch: string
}

/**
 * Reads the primaries of all architectures that are not in the newest snapshot already, one after the other, and publishes one snapshot of all:
 * all or nothing.
 * @throws PinyonError as an ingest of one repository does, naming the architecture; nothing has changed
 */
export async function ingestArches(job: ArchesJob, context: IngestContext): Promise<PublishedSnapshot> {
  let { parts } = job
  // Each is rewritten once at most.
  for (;;) {
    try {
      return await ingestOnce({ ...job, parts }, context)
    } catch (error) {
      if (error instanceof LeadsElsewhere) {
        const rewritten = await localize(error.job, context)
        parts = parts.map((part) => (part.job === error.job ? { ...part, job: rewritten } : part))
      } else if (isMoving(error) && parts.some(({ kept }) => kept !== undefined))
        parts = parts.map(({ arch, job: own }) => ({ arch, job: own }))
      else throw error
    }
  }
}

/** Another snapshot has become the newest, so everything is read after all. */
function isMoving(error: unknown): boolean {
  return error instanceof PinyonError && error.code === 'REPODATA_MOVING'
}

async function ingestOnce(job: ArchesJob, context: IngestContext): Promise<PublishedSnapshot> {
  const opened: OpenPart[] = []
  const kept = keptOf(job.parts)
  try {
    return await context.store.publish({
      mirror: job.mirror,
      nowMs: job.nowMs,
      checkBlobs: true,
      ...(job.actor === undefined ? {} : { actor: job.actor }),
      packages: readAll(job.parts, kept, context, opened),
      ...(kept === undefined ? {} : { kept }),
      complete: (duplicates) => complete(job.mirror, opened, duplicates),
    })
  } finally {
    for (const part of opened) await part.close()
  }
}

/** What need not be read: of parts that are in several snapshots, as one was published meanwhile, those of the last. */
function keptOf(parts: readonly ArchPart[]): KeptArches | undefined {
  const snapshotId = parts.findLast(({ kept }) => kept !== undefined)?.kept?.snapshotId
  if (snapshotId === undefined) return undefined
  const same = parts.filter(({ kept }) => kept?.snapshotId === snapshotId)
  return { snapshotId, arches: same.map(({ arch }) => arch) }
}

/** A part of which nothing is read. Throws where its job does not allow for what was found wrong with it. */
function openKept({ arch, job }: ArchPart, found: readonly Defect[]): OpenPart {
  return {
    arch,
    packages: (async function* () {})(),
    complete: async () => {
      refuseDefects(job, found)
      return { ...job.candidate, defects: found }
    },
    close: async () => undefined,
  }
}

/** The packages of each part that is to be read, their hrefs behind its name, and all parts as they are opened for that. */
async function* readAll(
  parts: readonly ArchPart[],
  keptArches: KeptArches | undefined,
  context: IngestContext,
  opened: OpenPart[],
): AsyncIterable<readonly PackageRecord[]> {
  const { maxPackages = MAX_PACKAGES, onPackages } = context
  let read = 0
  for (const onePart of parts) {
    const { arch, job, kept } = onePart
    if (kept !== undefined && keptArches?.arches.includes(arch) === true) {
      opened.push(openKept(onePart, kept.found))
      continue
    }
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
