import type { Reach } from '../model/reach.ts'
import { isTemplate } from '../model/url-template.ts'
import { splitCredentials } from './credentials.ts'
import { nameFallback } from './fallback-url.ts'
import { OwnRest, type HostRest } from './rests.ts'
import { SourceHealth } from './source-health.ts'
import { SourcePace } from './source-pace.ts'
import type { UpstreamRequest } from './upstream.ts'

/** yum's ways to choose among baseurls: in their order, or each in turn first. */
export type Failovermethod = 'priority' | 'roundrobin'

/** One base URL. */
export interface Source {
  /** As it is named outside: the database included, nobody gets to see its credentials. */
  readonly baseurl: string
  readonly url: string
  /** Of that, with its port where it has one; empty where there is none. */
  readonly host: string
  /** How far in the network those may lead who named it; undefined when the configuration did. */
  readonly from: Reach | undefined
  readonly health: SourceHealth
  readonly pace: SourcePace
}

/** Every so often another than the best source comes first, so that one which has recovered is noticed. */
const EXPLORE_EVERY = 8
/** An unknown source seems slower than the best one by this, for each place further down in its list. */
const UNKNOWN_COST = 0.1
/** Sources that lists have named once, and of which is remembered how they are. */
const MAX_REMEMBERED = 256

/** The sources of one mirror: those of its configuration in their order, then those of its metalink or mirrorlist by how good they were. */
export class SourceList {
  readonly #now: () => number
  readonly #restOf: (host: string) => HostRest
  readonly #failovermethod: Failovermethod
  readonly #configured: readonly Source[]
  readonly #remembered = new Map<string, Source>()
  #listed: readonly Source[] = []
  #turns = 0

  /**
   * @param now milliseconds of a clock that only goes forward
   * @param restOf what is known of a host, which others may share; each source's own unless told
   */
  constructor(
    baseurls: readonly string[],
    failovermethod: Failovermethod,
    now: () => number,
    restOf: (host: string) => HostRest = () => new OwnRest(),
  ) {
    this.#now = now
    this.#restOf = restOf
    this.#failovermethod = failovermethod
    const byName = new Map(baseurls.map((url) => [nameSource(url), url]))
    this.#configured = [...byName].map(([baseurl, url]) => this.#create(baseurl, url, undefined))
  }

  /** All of them, in rank order. */
  get all(): readonly Source[] {
    return [...this.#configured, ...this.#rank()]
  }

  /**
   * Makes these the listed ones; of those that were listed before it stays known how they are.
   * @param baseurls the preferred ones first; without credentials
   * @param from how far in the network the list may lead
   */
  list(baseurls: readonly string[], from: Reach | undefined): void {
    const own = new Set(this.#configured.map(({ baseurl }) => baseurl))
    const others = [...new Set(baseurls)].filter((baseurl) => !own.has(baseurl))
    this.#listed = others.map((baseurl) => {
      const known = this.#remembered.get(baseurl)
      const source = known?.from === from ? known : undefined
      return source ?? this.#create(baseurl, baseurl, from)
    })
    for (const source of this.#listed) {
      this.#remembered.delete(source.baseurl)
      this.#remembered.set(source.baseurl, source)
    }
    for (const baseurl of this.#remembered.keys()) {
      if (this.#remembered.size <= MAX_REMEMBERED) break
      this.#remembered.delete(baseurl)
    }
  }

  /** The sources of a request, in the order in which they are to be asked. */
  select({ onlyBaseurl, except, firstBaseurl = 0, validators }: UpstreamRequest): readonly Source[] {
    if (onlyBaseurl !== undefined) return [this.#find(onlyBaseurl)]
    this.#turns += 1
    // What was seen before is asked for conditionally there only.
    const isSeen = ({ baseurl, health }: Source) =>
      baseurl === validators?.baseurl && health.remainingMs === 0
    const turned = this.#turn(this.#configured)
    const configured = this.#failovermethod === 'priority' ? turned : putFirst(turned, isSeen)
    const all = [...configured, ...putFirst(this.#explore(this.#rank()), isSeen)]
    const first = firstBaseurl % Math.max(1, all.length)
    const rotated = [...all.slice(first), ...all.slice(0, first)]
    return except === undefined ? rotated : rotated.filter(({ baseurl }) => !except.has(baseurl))
  }

  /** Whether a source is one of a list, of which there are more than anybody would ask again and again. */
  isListed(source: Source): boolean {
    return this.#listed.includes(source)
  }

  #create(baseurl: string, url: string, from: Reach | undefined): Source {
    const host = URL.parse(url)?.host ?? ''
    const health = new SourceHealth(this.#now, this.#restOf(host))
    return { baseurl, url, host, from, health, pace: new SourcePace(this.#now) }
  }

  /** One by its name. Who named one that is not known any more is not known either. */
  #find(baseurl: string): Source {
    const isIt = (one: Source) => one.baseurl === baseurl
    const known = this.#configured.find(isIt) ?? this.#listed.find(isIt) ?? this.#remembered.get(baseurl)
    return known ?? this.#create(baseurl, baseurl, 'public')
  }

  #turn(sources: readonly Source[]): readonly Source[] {
    if (this.#failovermethod === 'priority' || sources.length < 2) return sources
    const first = (this.#turns - 1) % sources.length
    return [...sources.slice(first), ...sources.slice(0, first)]
  }

  /** The best first. Those of which nothing is known stand close behind the best, in the order of their list. */
  #rank(): readonly Source[] {
    const known = this.#listed.flatMap(({ pace }) => pace.costMs ?? [])
    const best = known.length === 0 ? 0 : Math.min(...known)
    const costs = new Map(
      this.#listed.map((one, place) => [one, one.pace.costMs ?? best * (1 + UNKNOWN_COST * (place + 1))]),
    )
    return this.#listed.toSorted((a, b) => (costs.get(a) ?? 0) - (costs.get(b) ?? 0))
  }

  /** Now and then, the one first that was not asked for the longest time. */
  #explore(ranked: readonly Source[]): readonly Source[] {
    if (ranked.length < 2 || this.#turns % EXPLORE_EVERY !== 0) return ranked
    const oldest = Math.min(...ranked.map(({ pace }) => pace.askedAt))
    return putFirst(ranked, ({ pace }) => pace.askedAt === oldest)
  }
}

/** Moves the first source of a kind to the beginning. */
function putFirst(sources: readonly Source[], isIt: (source: Source) => boolean): readonly Source[] {
  const found = sources.find(isIt)
  return found === undefined ? sources : [found, ...sources.filter((one) => one !== found)]
}

/** A URL's parser would escape a template's braces. */
function nameSource(baseurl: string): string {
  return isTemplate(baseurl) ? nameFallback(baseurl) : splitCredentials(baseurl).shown
}
