import { toPinyonError } from '../model/errors.ts'
import type { PackageSource } from '../snapshot/prefetch/package-fetches.ts'
import type { SeenRepomd, SnapshotReader } from '../snapshot/store.ts'
import { ArchSources, upstreamsFor, type ArchOwner, type MirrorUpstreams } from '../upstream/arch-sources.ts'
import type { MirrorUpstream } from '../upstream/mirror-upstream.ts'
import type { UpstreamReply } from '../upstream/upstream.ts'
import { createUpstream, type SharedUpstream } from './create-upstream.ts'

/** Mirrors whose former sources are kept, and former sources of one mirror: beyond these the oldest go. */
const MAX_MIRRORS = 200
const MAX_SOURCES = 3

/** How sources that only the database remembers are asked: soon given up, as nobody looks after them. */
const REMEMBERED = { timeoutMs: 30_000, retries: 2 }

/**
 * Sources that mirrors had. Snapshots outlive the configuration they were made under: packages that nobody fetched yet are still asked
 * for through URLs that running jobs hold, when their mirror was renamed, removed, or has another upstream. Wrong bytes cannot come of it,
 * since every fill is checked by digest.
 */
export class FormerSources {
  readonly #shared: SharedUpstream
  /** Newest first; the mirror that changed last is the last one. */
  readonly #sources = new Map<string, readonly MirrorUpstreams[]>()

  constructor(shared: SharedUpstream) {
    this.#shared = shared
  }

  /** Keeps what mirrors had and have no longer. */
  keep(before: ReadonlyMap<string, MirrorUpstreams>, after: ReadonlyMap<string, MirrorUpstreams>): void {
    for (const [name, upstream] of before) {
      if (!isCovered(upstream, after.get(name))) this.#add(name, upstream)
    }
  }

  /** Makes sources for mirrors that are not configured and have none yet, from what the database remembers, and drops those of mirrors whose data are gone. */
  async remember(
    store: Pick<SnapshotReader, 'mirrors' | 'seenRepomd' | 'seenArches'>,
    configured: { has(mirror: string): boolean },
  ): Promise<void> {
    const known = new Set((await store.mirrors()).map(({ name }) => name))
    for (const name of this.#sources.keys()) if (!known.has(name)) this.#sources.delete(name)
    for (const name of known) {
      if (configured.has(name) || this.#sources.has(name)) continue
      const seen = await store.seenRepomd(name)
      if (seen !== undefined) this.#add(name, this.#recall(seen))
      const arches = [...(await store.seenArches(name))].map(
        ([arch, one]) => [arch, this.#recall(one)] as const,
      )
      if (arches.length > 0) this.#add(name, new ArchSources(new Map(arches)))
    }
  }

  /** One that a list named leads no further than that list did. */
  #recall({ baseurl, named }: SeenRepomd): MirrorUpstream {
    const isListed = named !== undefined
    const upstream = createUpstream({ baseurls: isListed ? [] : [baseurl], ...REMEMBERED }, this.#shared)
    if (isListed) upstream.list([baseurl], named)
    return upstream
  }

  /**
   * What a fill asks for a mirror's files: its sources of now, then those that it had. Undefined when there never were any.
   * @param owner whose file it is
   */
  upstreamOf(
    mirror: string,
    now: MirrorUpstreams | undefined,
    owner: ArchOwner = { arch: undefined },
  ): PackageSource | undefined {
    const former = (this.#sources.get(mirror) ?? []).filter((upstream) => !isCovered(upstream, now))
    const all = now === undefined ? former : [now, ...former]
    return joinSources(all.flatMap((sources) => upstreamsFor(sources, owner)))
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#sources.values()].flat().map((upstream) => upstream.close()))
    this.#sources.clear()
  }

  #add(name: string, upstream: MirrorUpstreams): void {
    const isOther = ({ baseurls }: MirrorUpstreams) => baseurls.join(' ') !== upstream.baseurls.join(' ')
    const others = (this.#sources.get(name) ?? []).filter(isOther)
    this.#sources.delete(name)
    this.#sources.set(name, [upstream, ...others].slice(0, MAX_SOURCES))
    const [oldest] = this.#sources.keys()
    if (this.#sources.size > MAX_MIRRORS && oldest !== undefined) this.#sources.delete(oldest)
  }
}

/** Whether all that one asks is asked by another as well. */
function isCovered(upstream: MirrorUpstreams, by: MirrorUpstreams | undefined): boolean {
  const { baseurls = [] } = by ?? {}
  return upstream.baseurls.every((baseurl) => baseurls.includes(baseurl))
}

/** Several sources as one; undefined for none. */
export function joinSources(all: readonly PackageSource[]): PackageSource | undefined {
  if (all.length < 2) return all[0]
  const baseurls = [...new Set(all.flatMap((upstream) => upstream.baseurls))]
  return { baseurls, get: (href, request) => getFromFirst(all, href, request) }
}

/** Asks one after the other until one has the file. A further attempt, after wrong bytes, begins with the next one. */
async function getFromFirst(
  all: readonly PackageSource[],
  href: string,
  request: Parameters<PackageSource['get']>[1],
): Promise<UpstreamReply> {
  const first = (request?.firstBaseurl ?? 0) % all.length
  let failure: unknown
  for (const source of [...all.slice(first), ...all.slice(0, first)]) {
    try {
      return await source.get(href, request)
    } catch (error) {
      if (toPinyonError(error).kind.source !== 'upstream') throw error
      failure ??= error
    }
  }
  throw failure
}
