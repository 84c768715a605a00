import { counted } from '../model/count.ts'
import type { FarmMirror } from '../snapshot/farm/farm.ts'
import type { TrafficReport } from '../system/traffic.ts'
import type { SourceReport } from '../upstream/upstream.ts'
import type { CacheView, ConfigurationProblem, ConfigurationState } from './api-context.ts'

/** What a mirror or the farm may need somebody for. */
export type AttentionCode =
  | 'jobs_fail'
  | 'configuration_refused'
  | 'lost'
  | 'defective'
  | 'replaced'
  | 'upstream_down'
  | 'at_risk'
  | 'cache_full'
  | 'told_to_wait'
  | 'stale'
  | 'pinned_long'

/** One thing that somebody should look at, in words. */
export interface Attention {
  /** 1 is worst. */
  readonly rank: number
  readonly code: AttentionCode
  /** Undefined for what is about all of them. */
  readonly mirror: string | undefined
  /** What follows the mirror's name. */
  readonly text: string
  /** Why, and what it means for jobs. */
  readonly cause: string
  /** Milliseconds since the epoch. */
  readonly since: number | undefined
  /** What else the same mirror needs, less urgently. */
  readonly also: readonly AttentionCode[]
}

/** What it is found out from. */
export interface AttentionFacts {
  readonly mirrors: readonly FarmMirror[]
  readonly intervalOf: (mirror: string) => number | 'off' | undefined
  readonly sourcesOf: (mirror: string) => readonly SourceReport[]
  readonly configuration: ConfigurationState
  readonly cache: Pick<CacheView, 'full' | 'few_inodes' | 'bytes' | 'max_bytes' | 'only_here_bytes'>
  readonly trouble: TrafficReport['trouble']
  readonly nowMs: number
}

const RANKS: Readonly<Record<AttentionCode, number>> = {
  jobs_fail: 1,
  configuration_refused: 2,
  lost: 3,
  defective: 4,
  replaced: 4,
  upstream_down: 5,
  at_risk: 6,
  cache_full: 7,
  told_to_wait: 8,
  stale: 8,
  pinned_long: 9,
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const PINNED_LONG_MS = 30 * DAY_MS
/** Jobs fail when more than so many requests did, and more than this part of all. */
const FAILED_AT_LEAST = 20
const FAILED_PART = 0.005
const DOWN_CHECKS = 3
/** Characters of what the configuration should say that are told here. */
const MAX_EXPECTED = 120

/** Whether a mirror's last good look upstream is recent: of one that is looked at on command only it always is. */
export function isFresh(
  { succeededAt }: Pick<FarmMirror, 'succeededAt'>,
  intervalMs: number | 'off' | undefined,
  nowMs: number,
): boolean {
  if (intervalMs === 'off' || intervalMs === undefined) return true
  return succeededAt !== undefined && nowMs - succeededAt < 1.5 * intervalMs + 5 * MINUTE_MS
}

/** What needs somebody, worst first, one a mirror. What a page, the API and commands say of it is found here. */
export function findAttention(facts: AttentionFacts): readonly Attention[] {
  const ofMirrors = facts.mirrors.flatMap((mirror) => {
    const [worst, ...others] = ofMirror(mirror, facts)
    return worst === undefined ? [] : [{ ...worst, also: others.map(({ code }) => code) }]
  })
  return [...ofFarm(facts), ...ofMirrors].toSorted((a, b) => a.rank - b.rank)
}

function ofFarm({ configuration, cache }: AttentionFacts): Attention[] {
  const found: Attention[] = []
  if (configuration.error !== undefined) {
    const [first] = configuration.problems ?? []
    const why = first === undefined ? 'pinyon check-config tells why.' : describeProblem(first)
    found.push(
      create('configuration_refused', undefined, 'The configuration on disk is refused', {
        cause: `${why} What was in force before stays in force.`,
      }),
    )
  }
  if (cache.full)
    found.push(
      create('cache_full', undefined, 'New packages are passed through and not kept', {
        cause: cache.few_inodes
          ? 'The file system of data_dir has too few free inodes, and nothing more may go from the cache: remove other files there, move data_dir, or lower retention.keep.'
          : 'The cache is full of packages that upstream no longer has and live snapshots list: raise cache.max_size, or lower retention.keep.',
      }),
    )
  return found
}

/** Where it is, and what was expected: of a long list of words only the nearest, where there is one. */
function describeProblem({ line, key, expected }: ConfigurationProblem): string {
  const where = line === undefined ? '' : `Line ${line}: `
  const what = key === '' ? '' : `${key}: `
  const nearest = expected.length > MAX_EXPECTED ? /; (did you mean .*\?)$/s.exec(expected)?.[1] : undefined
  if (nearest !== undefined) return `${where}${what}${nearest}`
  const shown =
    expected.length > MAX_EXPECTED
      ? `${expected.slice(0, MAX_EXPECTED).toWellFormed()} …`
      : sentence(expected)
  return `${where}${what}expected ${shown}`
}

function ofMirror(mirror: FarmMirror, facts: AttentionFacts): Attention[] {
  if (mirror.removedAt !== undefined) return []
  const { lost, at_risk: atRisk } = mirror.departed
  const found: (Attention | undefined)[] = [
    findFailing(mirror, facts),
    lost.count === 0
      ? undefined
      : create(
          'lost',
          mirror,
          `lists ${counted(lost.count, 'package')} that ${lost.count === 1 ? 'is' : 'are'} lost`,
          {
            cause: 'Every source was asked and has them not. A job that asks for one gets 502.',
          },
        ),
    findDefective(mirror),
    findReplaced(mirror),
    findTrouble(mirror, facts),
    atRisk.count === 0
      ? undefined
      : create('at_risk', mirror, `has ${counted(atRisk.count, 'package')} at risk`, {
          cause:
            'Upstream has dropped them and nobody has asked for them yet. The next job that does may be too late.',
        }),
    findLongPin(mirror, facts.nowMs),
  ]
  return found.filter((one) => one !== undefined).toSorted((a, b) => a.rank - b.rank)
}

/** Files that jobs are told of, and cannot have. */
function findDefective(mirror: FarmMirror): Attention | undefined {
  const { missing, first } = mirror.defects
  const [one] = first
  if (missing === 0 || one === undefined) return undefined
  return create('defective', mirror, `lists ${counted(missing, 'file')} that upstream does not have right`, {
    cause: `${sentence(`${one.path}: ${one.message}`)} A job that asks for ${missing === 1 ? 'it' : 'one'} gets 404.`,
  })
}

/** Packages of which upstream has other bytes by now. */
function findReplaced(mirror: FarmMirror): Attention | undefined {
  const { replaced, replacedUnkept, departed } = mirror
  if (replaced === 0) return undefined
  const text = `got new bytes under ${replaced === 1 ? 'an old name' : `old names, ${replaced} times`}`
  const kept =
    departed.at_risk.count + departed.lost.count === 0
      ? 'What was there before is kept, and snapshots go on serving their own.'
      : 'What was fetched before is kept, and snapshots go on serving their own.'
  const unkept =
    replacedUnkept === 0
      ? ''
      : ` ${counted(replacedUnkept, 'package was', 'packages were')} not: a job whose snapshot lists ${replacedUnkept === 1 ? 'it' : 'one'} gets 502, unless another source has it.`
  return create('replaced', mirror, text, {
    cause: `Upstream replaced packages in place within the last week. ${kept}${unkept}`,
  })
}

function findFailing({ name }: FarmMirror, { trouble }: AttentionFacts): Attention | undefined {
  const found = trouble.find(({ mirror }) => mirror === name)
  if (found === undefined) return undefined
  const { failed, requests } = found
  if (failed <= FAILED_AT_LEAST || failed / requests <= FAILED_PART) return undefined
  return create('jobs_fail', { name }, 'gives errors to jobs', {
    cause: `${failed} of ${counted(requests, 'request')} of the last five minutes failed.`,
  })
}

/** Upstream that does not answer, or answers what cannot be used. */
function findTrouble(mirror: FarmMirror, facts: AttentionFacts): Attention | undefined {
  const { error, succeededAt, failures, failingSince, name } = mirror
  const intervalMs = facts.intervalOf(name)
  const sources = facts.sourcesOf(name)
  const since = failingSince ?? succeededAt
  const isOverdue = typeof intervalMs === 'number' && since !== undefined && facts.nowMs - since > intervalMs
  const isMute = sources.length > 0 && sources.every(({ isSilent }) => isSilent)
  if (error !== undefined && sources.length > 0 && sources.every(({ isResting }) => isResting))
    return create('told_to_wait', mirror, 'is told to wait by its upstream', {
      since,
      // That of the look tells a time from then on.
      cause: `${sentence(sources[0]?.error ?? error)} ${keeps(mirror)}`,
    })
  if (error !== undefined && isMute && (failures >= DOWN_CHECKS || isOverdue || mirror.current === undefined))
    return create('upstream_down', mirror, 'cannot reach its upstream', {
      since,
      cause: `${sentence(error)} ${mirror.current === undefined ? keeps(mirror) : 'Jobs get what is cached; what is not cannot be fetched now.'}`,
    })
  if (error !== undefined && !isMute && (failures > 0 || !isFresh(mirror, intervalMs, facts.nowMs)))
    return create('stale', mirror, 'gets nothing new from upstream', {
      since,
      cause: `${sentence(error)} ${keeps(mirror)}`,
    })
  if (!mirror.listed || mirror.current === undefined || isFresh(mirror, intervalMs, facts.nowMs))
    return undefined
  return create('stale', mirror, 'was not looked at for longer than its interval', {
    since: succeededAt,
    cause: error === undefined ? keeps(mirror) : `${sentence(error)} ${keeps(mirror)}`,
  })
}

function keeps({ current }: FarmMirror): string {
  return current === undefined
    ? 'Jobs get nothing of it before its first snapshot.'
    : 'Jobs keep getting the current snapshot.'
}

function findLongPin({ name, pinnedSince, waiting }: FarmMirror, nowMs: number): Attention | undefined {
  if (pinnedSince === undefined || nowMs - pinnedSince < PINNED_LONG_MS) return undefined
  const days = Math.floor((nowMs - pinnedSince) / DAY_MS)
  const newer = waiting === 1 ? '1 newer snapshot waits' : `${waiting} newer snapshots wait`
  return create('pinned_long', { name }, `is pinned for ${days} days`, {
    since: pinnedSince,
    cause: `${newer}.`,
  })
}

/** With a full stop at its end, which it may have; two of them are of a path. */
function sentence(text: string): string {
  return /(?<!\.)\.$/.test(text) ? text : `${text}.`
}

function create(
  code: AttentionCode,
  mirror: { readonly name: string } | undefined,
  text: string,
  { cause, since }: { readonly cause: string; readonly since?: number | undefined },
): Attention {
  return {
    rank: RANKS[code],
    code,
    mirror: mirror?.name,
    text,
    cause,
    since,
    also: [],
  }
}
