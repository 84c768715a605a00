import type { ExpectedBlob, ReadableBytes } from '../../cache/blob-store.ts'
import type { LentBytes } from '../../cache/lent-piece.ts'
import type { FillReader } from '../../cache/fill-reader.ts'
import type { FillTable } from '../../cache/fill-table.ts'
import type { FillBody, FillSource } from '../../cache/source-race.ts'
import { splitArch, withoutArch } from '../../model/arch.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { templateValues } from '../../model/url-template.ts'
import type { ArchOwner } from '../../upstream/arch-sources.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { DepartedStore, ListedFile, LostFacts, SnapshotPlace } from '../departed/departed.ts'
import { Inquiry } from './inquiry.ts'
import { allowedPlace, originalHref, placesAt, type PackagePlace } from './package-places.ts'
import { LostMemory } from './lost-memory.ts'
import { formatLost } from './lost-message.ts'
import { lostRefusal } from './lost-refusal.ts'
import { TappedBody, type BodyTap } from '../../upstream/tapped-body.ts'
import type { Throttle } from '../../upstream/throttle.ts'

/** What a package says that is for every architecture. */
const NO_ARCH = 'noarch'

/** The part of {@link Upstream} that fills need. */
export type PackageSource = Pick<Upstream, 'get' | 'baseurls'>

/** Where a mirror's files are asked for; undefined where there is none, or none is known any more. */
export interface PackageSources {
  readonly upstream: PackageSource | undefined
  /** Asked for packages that the upstream has not got. */
  readonly fallback: PackageSource | undefined
  /** Asked, before all others, for packages that their repository says to be below one of its base URLs. */
  readonly elsewhere?: PackageSource | undefined
}

/** What {@link PackageFetches} is built from. */
export interface PackageFetchesOptions {
  readonly fills: FillTable
  readonly sourcesOf: (mirror: string, owner: ArchOwner) => PackageSources
  readonly departed: Pick<DepartedStore, 'find' | 'recordLost'>
  readonly throttle: Throttle
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told when a file of a mirror begins to be fetched. */
  readonly onFetch?: (mirror: string) => void
}

/** A file of a snapshot that is not cached. */
export interface WantedFile extends ExpectedBlob {
  /** One that lists it. */
  readonly snapshot: SnapshotPlace
  readonly path: string
  readonly isPackage: boolean
}

/** How it is wanted. */
export interface FetchOptions {
  /** Whether a client waits for it. */
  readonly isUrgent: boolean
  /** Ask also for what was found lost just now. */
  readonly isForced?: boolean
}

/** Somebody's reading of a fill; errors say what is known of a package that cannot be had. */
export interface PackageReader extends ReadableBytes {
  readonly outcome: 'fill' | 'join'
  /** As {@link read}, without a copy where what there is lies in memory: {@link FillReader.lend}. */
  lend(position: number, count: number): Promise<LentBytes | undefined>
  /** How fast its bytes come. */
  bytesPerSecond(): number
  /** What was asked so far, and what that came to. */
  progress(): string
  verified(): Promise<number>
  /** Resolves with the size once the blob is stored. */
  stored(): Promise<number>
  release(): void
}

/** Fetches files from whoever has them: the upstream, then fallbacks, each trusted for bytes with the right digest and nothing else. */
export class PackageFetches {
  readonly #options: PackageFetchesOptions
  readonly #inquiries = new Map<string, Inquiry>()
  readonly #lost = new LostMemory()

  constructor(options: PackageFetchesOptions) {
    this.#options = options
  }

  /**
   * Begins to fetch a file, or joins who fetches it. Release the reader when done.
   * @throws PinyonError PACKAGE_LOST when all sources were asked for it just before
   */
  async open(file: WantedFile, options: FetchOptions): Promise<PackageReader> {
    const listed = await this.#look(file, options)
    const key = keyOf(file)
    const sources = this.#sourcesOf(file, listed)
    const inquiry = this.#inquiries.get(key) ?? new Inquiry(placesOf(sources, file, listed))
    this.#inquiries.set(key, inquiry)
    inquiry.readers += 1
    if (options.isUrgent) inquiry.isUrgent = true
    const [main, ...others] = this.#openSources(file, listed, sources, inquiry)
    const { reader, outcome } = this.#options.fills.read(file, main[1], main[0], others, {
      mirror: file.snapshot.mirror,
      path: file.path,
    })
    if (outcome === 'fill') this.#options.onFetch?.(file.snapshot.mirror)
    const explain = (error: unknown) => this.#explain(error, listed, inquiry)
    return watchReader(reader, { outcome, explain, inquiry, leave: () => this.#leave(key, inquiry) })
  }

  /** Opens a body without storing it, from the first source that gives one. */
  async stream(file: WantedFile, signal: AbortSignal): Promise<FillBody> {
    const listed = await this.#look(file, { isUrgent: true })
    const sources = this.#sourcesOf(file, listed)
    const inquiry = new Inquiry(placesOf(sources, file, listed))
    inquiry.isUrgent = true
    let failure: unknown
    for (const [, open] of this.#openSources(file, listed, sources, inquiry)) {
      try {
        return await open(0, signal)
      } catch (error) {
        failure ??= error
        if (toPinyonError(error).code !== 'UPSTREAM_GONE') break
      }
    }
    throw await this.#explain(failure, listed, inquiry)
  }

  /** What {@link open} would refuse a file with, without asking anybody; undefined where it would ask. */
  async refusal({ snapshot, path, isPackage }: WantedFile): Promise<PinyonError | undefined> {
    return isPackage ? this.#refuse(await this.#options.departed.find(snapshot, path)) : undefined
  }

  /** Forgets what was lost: there may be other sources now. */
  forgetLost(): void {
    this.#lost.clear()
  }

  #sourcesOf(
    { snapshot: { mirror, arches }, path }: WantedFile,
    listed: ListedFile | undefined,
  ): PackageSources {
    const arch = arches && splitArch(path, arches)?.arch
    return this.#options.sourcesOf(mirror, { arch, isShared: listed?.arch === NO_ARCH })
  }

  /** What is known of a package. Throws PACKAGE_LOST. */
  async #look(file: WantedFile, { isForced = false }: FetchOptions): Promise<ListedFile | undefined> {
    if (!file.isPackage) return undefined
    const listed = await this.#options.departed.find(file.snapshot, file.path)
    const refusal = isForced ? undefined : this.#refuse(listed)
    if (refusal !== undefined) throw refusal
    return listed
  }

  #refuse(listed: ListedFile | undefined): PinyonError | undefined {
    const lost = listed && this.#lossOf(listed)
    return listed && lost && lostRefusal(listed, lost, this.#options.now())
  }

  /** When all sources were asked for a package in vain; of none that upstream lists again, or that is here, by whichever process's word. */
  #lossOf({ packageId, departure }: ListedFile): LostFacts | undefined {
    if (departure === undefined || departure.state === 'cached') {
      this.#lost.forget(packageId)
      return undefined
    }
    return this.#lost.find(packageId) ?? departure.lost
  }

  #openSources(
    file: WantedFile,
    listed: ListedFile | undefined,
    { upstream, fallback, elsewhere }: PackageSources,
    inquiry: Inquiry,
  ): readonly [NamedSource, ...NamedSource[]] {
    const { mirror } = file.snapshot
    const open = (source: PackageSource, place: PackagePlace) =>
      this.#openSource(source, place, file, listed, inquiry)
    const path = pathOf(file)
    const own = file.isPackage ? placesAt(path, upstream?.baseurls ?? []) : [{ href: path }]
    const allowed = elsewhere && allowedPlace(path, elsewhere.baseurls)
    const named: NamedSource[] = []
    if (elsewhere !== undefined && allowed !== undefined)
      named.push([`xml:base of ${mirror}`, open(elsewhere, allowed)])
    if (upstream === undefined) named.push([mirror, refuse(file)])
    else
      for (const [at, place] of own.entries())
        named.push([at === 0 ? mirror : `${mirror}, place ${at + 1}`, open(upstream, place)])
    if (fallback !== undefined && listed !== undefined)
      named.push([`fallback of ${mirror}`, open(fallback, { href: originalHref(path) })])
    const [first = [mirror, refuse(file)], ...others] = named
    return [first, ...others]
  }

  #openSource(
    source: PackageSource,
    { href, onlyBaseurl }: PackagePlace,
    file: WantedFile,
    listed: ListedFile | undefined,
    inquiry: Inquiry,
  ): FillSource {
    const { size, digest } = file
    const values = listed && templateValues({ ...listed, href: originalHref(pathOf(file)) })
    const open: FillSource = async (attempt, signal, onStep) => {
      // A further attempt, after wrong bytes, begins with another base URL, where there is one.
      const { baseurl, body } = await source.get(href, {
        signal,
        digest,
        firstBaseurl: attempt,
        isFresh: attempt > 0,
        doubted: inquiry.doubted,
        isAwaited: inquiry.isUrgent,
        ...(size === undefined ? {} : { size }),
        ...(values === undefined ? {} : { values }),
        onAsk: (place) => inquiry.ask(place),
        ...(onStep === undefined ? {} : { onStep }),
        ...(onlyBaseurl === undefined ? {} : { onlyBaseurl }),
        onRefusal: (place, error) => inquiry.refused(place, error),
      })
      return watchBody(body, baseurl, inquiry, this.#options.throttle, signal)
    }
    const places = onlyBaseurl === undefined ? Math.max(1, source.baseurls.length) : 1
    return Object.assign(open, { places })
  }

  /** What a failed fill means: the same for everybody who waited for it. */
  async #explain(thrown: unknown, listed: ListedFile | undefined, inquiry: Inquiry): Promise<PinyonError> {
    const error = toPinyonError(thrown)
    const isLost = error.kind.source === 'upstream' && inquiry.isConclusive
    // What upstream lists and has not got is its own trouble: it may be there in a moment.
    if (!isLost || listed?.departure === undefined) return withOthers(error, inquiry)
    return await (inquiry.verdict ??= this.#lose(error, listed, inquiry.answers))
  }

  /** Notes that a package is lost. */
  async #lose(error: PinyonError, listed: ListedFile, answers: string): Promise<PinyonError> {
    const askedAt = this.#options.now()
    const lost = { askedAt, times: (this.#lossOf(listed)?.times ?? 0) + 1, answers }
    this.#lost.remember(listed.packageId, lost)
    try {
      await this.#options.departed.recordLost(listed, askedAt, answers)
      this.#lost.forget(listed.packageId)
    } catch {
      // A database that cannot take it down must not hide it.
    }
    const message = formatLost(listed, lost)
    return new PinyonError('PACKAGE_LOST', message, { cause: error })
  }

  #leave(key: string, inquiry: Inquiry): void {
    inquiry.readers -= 1
    if (inquiry.readers === 0 && this.#inquiries.get(key) === inquiry) this.#inquiries.delete(key)
  }
}

type NamedSource = readonly [origin: string, source: FillSource]

/** Trouble upstream, with that of the other places that were asked. */
function withOthers(error: PinyonError, inquiry: Inquiry): PinyonError {
  const others = error.kind.source === 'upstream' ? inquiry.others(error) : ''
  if (others === '') return error
  return new PinyonError(error.code, `${error.message}; also asked: ${others}`, {
    ...error.facts,
    cause: error,
  })
}

function keyOf({ snapshot, path, digest }: WantedFile): string {
  return `${snapshot.mirrorId} ${digest} ${path}`
}

/** Below the repository that lists it. */
function pathOf({ path, snapshot }: WantedFile): string {
  return withoutArch(path, snapshot.arches)
}

function placesOf(
  { upstream, fallback, elsewhere }: PackageSources,
  file: WantedFile,
  listed: ListedFile | undefined,
): string[] {
  const allowed = listed && elsewhere && allowedPlace(pathOf(file), elsewhere.baseurls)
  return [
    ...(allowed?.onlyBaseurl === undefined ? [] : [allowed.onlyBaseurl]),
    ...(upstream?.baseurls ?? []),
    ...(listed === undefined ? [] : (fallback?.baseurls ?? [])),
  ]
}

function refuse({ path, snapshot: { mirror } }: WantedFile): FillSource {
  return async () => {
    const message = `${path} is not cached, and no source of its mirror is known any more: ${mirror}`
    throw new PinyonError('MIRROR_UNCONFIGURED', message)
  }
}

/** A body whose end, or break, the inquiry is told, and which waits for its turn while no client does. */
function watchBody(
  body: FillBody,
  place: string,
  inquiry: Inquiry,
  throttle: Throttle,
  signal: AbortSignal,
): FillBody {
  // Who is broken off by us has said nothing; who sends too much is broken off as well, and that says enough.
  const gave = (isWhole: boolean) => inquiry.gave(place, isWhole && !signal.aborted)
  const tap: BodyTap = {
    bytes: (count) => (inquiry.isUrgent ? undefined : throttle.pass(count, () => inquiry.isUrgent, signal)),
    end: () => gave(true),
    fail: (error) => {
      gave(false)
      return error
    },
    left: () => gave(true),
  }
  const tapped = new TappedBody(body, tap, () => 0)
  return { [Symbol.asyncIterator]: () => tapped, judge: (isRight) => body.judge?.(isRight) }
}

function watchReader(
  reader: FillReader,
  {
    outcome,
    explain,
    inquiry,
    leave,
  }: {
    readonly outcome: 'fill' | 'join'
    readonly explain: (error: unknown) => Promise<PinyonError>
    readonly inquiry: Inquiry
    readonly leave: () => void
  },
): PackageReader {
  let isReleased = false
  const explained = <T>(promise: Promise<T>): Promise<T> =>
    promise.catch(async (error: unknown) => {
      throw await explain(error)
    })
  return {
    outcome,
    read: (target, position) => explained(reader.read(target, position)),
    lend: (position, count) => explained(reader.lend(position, count)),
    bytesPerSecond: () => reader.bytesPerSecond(),
    progress: () => inquiry.progress,
    verified: () => explained(reader.verified()),
    stored: () => explained(reader.stored()),
    release: () => {
      reader.release()
      if (!isReleased) leave()
      isReleased = true
    },
  }
}
