import type { Blob, PartialBlob } from '../cache/blob-store.ts'
import { PinyonError } from '../model/errors.ts'
import type { Growth } from './capture-record.ts'
import { openRepository, readPackages, type IngestContext, type IngestJob } from './ingest.ts'
import type { CheckedFile } from './repodata-check.ts'
import type { Defect, PublishedSnapshot } from './store.ts'

// A first primary is read and staged while it comes, so that little is left to do once it is there. Until its job says that it is whole and has
// its digest nothing is believed of it, and nothing made of it leaves the scratch database; whatever goes wrong before, the job is done from its
// beginning, from what was stored.

/** A primary that is being fetched. */
export interface AheadJob {
  readonly mirror: string
  readonly primary: CheckedFile
  /** Its bytes, as repomd.xml says. */
  readonly size: number
  /** Where it is being written: see {@link BlobStore.openPartial}. */
  readonly location: string
}

/**
 * Reads a primary while it is fetched, and publishes the job that follows when that is of the same one.
 * @param told gives what the thread is told next: growth, and at last a job
 * @param otherwise does a job from its beginning
 */
export async function ingestAhead<Job extends object>(
  ahead: AheadJob,
  told: () => Promise<Growth | Job>,
  context: IngestContext,
  otherwise: (job: Job) => Promise<PublishedSnapshot>,
): Promise<PublishedSnapshot> {
  const growing = new GrowingPrimary(ahead, told)
  try {
    return await publishAhead(ahead, growing, context)
  } catch (error) {
    // Once a job was found to be of what was read, its failures are its own; and it may have been published.
    if (growing.isDecided) throw error
  }
  return await otherwise(await growing.job())
}

async function publishAhead<Job extends object>(
  ahead: AheadJob,
  growing: GrowingPrimary<Job>,
  context: IngestContext,
): Promise<PublishedSnapshot> {
  const partial = await context.blobs.openPartial(ahead.location)
  if (partial === undefined) throw unusable()
  let job: IngestJob | undefined
  let count = 0
  const found: Defect[] = []
  const reading = {
    blobs: { open: () => Promise.resolve(growing.open(partial)) },
    onPackages: (packages: number) => (count = packages),
  }
  try {
    return await context.store.publish({
      mirror: ahead.mirror,
      checkBlobs: true,
      // Nobody knows yet whether one that leads elsewhere is to be rewritten.
      packages: readPackages(reading, ahead.primary, found, unusable),
      complete: async (duplicates) => {
        const told = await growing.job()
        if (!growing.isVerified || !isOf(told, ahead)) throw unusable()
        const repository = await openRepository(told, context, found)
        growing.isDecided = true
        job = told
        try {
          context.onPackages?.(count)
          return await repository.complete(duplicates)
        } finally {
          await repository.close()
        }
      },
      get nowMs() {
        return job?.nowMs ?? NaN
      },
      get actor() {
        return job?.actor
      },
    })
  } finally {
    await partial.close()
  }
}

/** Whether a job is of the primary that was read, all of it: one that is longer than stated was not. */
function isOf(job: object, { mirror, primary, size }: AheadJob): job is IngestJob {
  if (!('candidate' in job)) return false
  const { candidate, checks } = job as IngestJob
  const own = checks.find(({ type }) => type === 'primary')
  const file = candidate.files.find(({ path }) => path === primary.path)
  return (
    candidate.mirror === mirror &&
    own !== undefined &&
    own.path === primary.path &&
    own.digest === primary.digest &&
    own.openSize === primary.openSize &&
    own.openChecksum === primary.openChecksum &&
    file?.size === size
  )
}

/** Ends the reading ahead: nobody sees it. */
function unusable(): PinyonError {
  return new PinyonError('STORE_FAILED', 'what was read ahead is of no use')
}

/** A file that grows as its thread is told. */
class GrowingPrimary<Job extends object> {
  /** Whether its job has come, and is of what was read. */
  isDecided = false
  /** Whether what was read is what was to be fetched. */
  isVerified = false
  readonly #ahead: AheadJob
  readonly #told: () => Promise<Growth | Job>
  #written = 0
  #job: Job | undefined

  constructor(ahead: AheadJob, told: () => Promise<Growth | Job>) {
    this.#ahead = ahead
    this.#told = told
  }

  /** The bytes, read as they come. What is not there when the job is will not come. */
  open(partial: PartialBlob): Blob {
    const { size, primary } = this.#ahead
    return {
      digest: primary.digest,
      size,
      read: async (target, position) => {
        while (position >= this.#written) {
          if (this.#job !== undefined) throw unusable()
          await this.#listen()
        }
        return await partial.read(target.subarray(0, this.#written - position), position)
      },
      close: () => undefined,
    }
  }

  /** The job, when it comes. */
  async job(): Promise<Job> {
    for (;;) {
      if (this.#job !== undefined) return this.#job
      await this.#listen()
    }
  }

  async #listen(): Promise<void> {
    const told = await this.#told()
    if (!('written' in told)) {
      this.#job = told
      return
    }
    this.#written = told.written
    this.isVerified = told.isVerified
  }
}
