import type { BlobStore } from '../cache/blob-store.ts'
import { PinyonError } from '../model/errors.ts'
import type { PackageRecord } from '../model/repodata.ts'
import { isUrl } from '../model/based-href.ts'
import { readPrimary } from '../repodata/primary.ts'
import { listDeltas, selectExtras } from './extras/capture-extras.ts'
import {
  describeBasedRecord,
  hasBasedRecord,
  isLocalized,
  localize,
  type Captured,
  type LocalizeContext,
} from './localize.ts'
import { OpenFile, checkRepodata, type CheckedFile } from './repodata-check.ts'
import type { Candidate, Defect, PublishedSnapshot, SnapshotWriter } from './store.ts'

/** Everything needed to turn captured repodata into a snapshot; plain data, so that a thread can be given it. */
export interface IngestJob extends Captured {
  /** Refuse a candidate with any defect. */
  readonly strict: boolean
  /** Record types whose absence was published before and is accepted again; undefined: any, as there is no snapshot yet. */
  readonly acceptedMissing: readonly string[] | undefined
  readonly nowMs: number
  /** Who asked for it; the schedule unless told. */
  readonly actor?: string
}

/** Where an ingest reads and writes. */
export interface IngestContext extends LocalizeContext {
  readonly store: Pick<SnapshotWriter, 'publish'>
  /** Told now and then, and at the end, how many packages were read. */
  readonly onPackages?: (count: number) => void
  /** The most packages that a primary may list; a million unless told. */
  readonly maxPackages?: number
}

/** Where packages are read. */
export interface ReadingContext extends Pick<IngestContext, 'onPackages' | 'maxPackages'> {
  readonly blobs: Pick<BlobStore, 'open'>
}

/** More than ten times as many as the largest distribution has. */
export const MAX_PACKAGES = 1_000_000

/** Packages between two words about progress: each wakes the serving thread, and holds up this one. */
const PACKAGES_BETWEEN = 2_500
/** As many hrefs as are worth naming. */
const MAX_NAMED = 20
const MAX_NAMED_LENGTH = 200

/**
 * Reads the primary of a captured repository, checks what its other files are uncompressed, and publishes the snapshot.
 * @throws PinyonError REPODATA_MALFORMED when primary cannot be read to its end or a defect is not acceptable; nothing has changed
 */
export async function ingest(job: IngestJob, context: IngestContext): Promise<PublishedSnapshot> {
  try {
    return await ingestOnce(job, context)
  } catch (error) {
    if (!(error instanceof LeadsElsewhere)) throw error
    return await ingestOnce(await localize(job, context), context)
  }
}

/** Ends the reading of a primary that has to be rewritten first. */
export class LeadsElsewhere extends Error {
  readonly job: IngestJob

  constructor(job: IngestJob) {
    super('its metadata lead elsewhere')
    this.job = job
  }
}

/** A captured repository that is being read. */
export interface OpenRepository {
  /** What its primary lists, once. Throws REPODATA_MALFORMED; {@link LeadsElsewhere} where it has to be rewritten first. */
  readonly packages: AsyncIterable<readonly PackageRecord[]>
  /** What it comes to, once all packages were read. Throws when a defect is not acceptable. @param duplicates that the store found */
  complete(duplicates: readonly Defect[]): Promise<Candidate>
  /** Must be called, whatever happened before. */
  close(): Promise<void>
}

async function ingestOnce(job: IngestJob, context: IngestContext): Promise<PublishedSnapshot> {
  const repository = await openRepository(job, context)
  try {
    return await context.store.publish({
      mirror: job.candidate.mirror,
      nowMs: job.nowMs,
      checkBlobs: true,
      ...(job.actor === undefined ? {} : { actor: job.actor }),
      packages: repository.packages,
      complete: (duplicates) => repository.complete(duplicates),
    })
  } finally {
    await repository.close()
  }
}

/**
 * Begins to read a captured repository, and to check what its files beside primary are uncompressed.
 * @param found what is wrong with its primary, where that was read already
 * @throws PinyonError REPODATA_MALFORMED for one without primary; {@link LeadsElsewhere}
 */
export async function openRepository(
  job: IngestJob,
  context: IngestContext,
  found: Defect[] = [],
): Promise<OpenRepository> {
  const isBased = await hasBasedRecord(job, context.blobs)
  if (isBased && isLocalized(job)) throw new LeadsElsewhere(job)
  const primary = job.checks.find(({ type }) => type === 'primary')
  if (primary === undefined)
    throw new PinyonError('REPODATA_MALFORMED', 'repomd.xml names no primary that could be had')
  const others = job.checks.filter((file) => file !== primary)
  if (isBased) found.push(describeBasedRecord())
  const stop = new AbortController()
  const checked = checkRepodata(context.blobs, others, stop.signal)
  // Awaited in `complete`; until then a failure must not count as unhandled.
  checked.catch(() => undefined)
  return {
    packages: readPackages(
      context,
      primary,
      found,
      isLocalized(job) ? () => new LeadsElsewhere(job) : undefined,
    ),
    complete: async (duplicates) => {
      const defects = [...job.candidate.defects, ...found, ...(await checked), ...duplicates]
      refuseDefects(job, defects)
      const extras = [...(job.candidate.extras ?? []), ...(await listDeltas(others, context.blobs))]
      const isLeft = found.some(({ kind }) => kind === 'base')
      return {
        ...job.candidate,
        defects,
        extras: selectExtras(extras, job.candidate.files),
        ...(isLeft ? { xmlBase: 'left' as const } : {}),
      }
    },
    close: async () => {
      stop.abort()
      await checked.catch(() => undefined)
    },
  }
}

/**
 * The packages of a primary, in batches; what is wrong with it beyond repair throws, the rest is added to `defects`.
 * @param refuse gives what is thrown where it leads elsewhere; absent: that is a defect
 */
export async function* readPackages(
  context: ReadingContext,
  primary: CheckedFile,
  defects: Defect[],
  refuse?: () => Error,
): AsyncIterable<readonly PackageRecord[]> {
  const { maxPackages = MAX_PACKAGES } = context
  const open = new OpenFile(primary)
  const unreachable: string[] = []
  let count = 0
  let told = 0
  let unreachableCount = 0
  let based = 0
  let stated: number | undefined
  for await (const batch of readPrimary(open.read(context.blobs))) {
    count += batch.packages.length
    unreachableCount += batch.unreachable.length
    if (count + unreachableCount > maxPackages)
      throw new PinyonError('REPODATA_MALFORMED', `${primary.path} lists more packages than: ${maxPackages}`)
    const named = batch.unreachable.slice(0, MAX_NAMED - unreachable.length)
    unreachable.push(...named.map((href) => href.slice(0, MAX_NAMED_LENGTH)))
    const elsewhere = batch.packages.filter(({ base }) => base !== undefined).length
    if (refuse !== undefined && (elsewhere > 0 || batch.unreachable.some(isUrl))) throw refuse()
    based += elsewhere
    stated = batch.statedCount
    yield batch.packages
    if (count < told + PACKAGES_BETWEEN) continue
    told = count
    context.onPackages?.(count)
  }
  if (told < count) context.onPackages?.(count)
  const add = (kind: Defect['kind'], message: string) => defects.push({ path: primary.path, kind, message })
  defects.push(...open.defects())
  if (unreachableCount > 0)
    add(
      'href',
      `${unreachableCount === 1 ? '1 package lies' : `${unreachableCount} packages lie`} outside the repository and ${unreachableCount === 1 ? 'is' : 'are'} not served: ${unreachable.join(' ')}`,
    )
  if (based > 0)
    add(
      'base',
      `${based === 1 ? '1 package has' : `${based} packages have`} an xml:base: clients fetch them past this server`,
    )
  if (stated !== undefined && stated !== count + unreachableCount)
    add('count', `primary says packages="${stated}" and lists ${count + unreachableCount}`)
}

/** Throws REPODATA_MALFORMED or UPSTREAM_GONE when a job does not allow for one of these. */
export function refuseDefects(job: IngestJob, defects: readonly Defect[]): void {
  // What a pattern of the configuration stands for is no mistake of upstream's.
  const first = defects.find(({ kind }) => kind !== 'extra')
  if (job.strict && first !== undefined)
    throw new PinyonError('REPODATA_MALFORMED', `strict: ${first.path}: ${first.message}`)
  const accepted = job.acceptedMissing
  const absent = job.candidate.files.find(
    ({ digest, type }) => digest === undefined && accepted?.includes(type) === false,
  )
  const reason = defects.find(({ kind, path }) => kind === 'missing' && path === absent?.path)
  if (absent !== undefined)
    throw new PinyonError('UPSTREAM_GONE', `${absent.path}: ${reason?.message ?? 'missing'}`)
}
