import pLimit from 'p-limit'

import { openSources } from '../../app/mirror-lists.ts'
import type { Config, MirrorConfig } from '../../config/config.ts'
import { createLayout } from '../../cache/layout.ts'
import { counted } from '../../model/count.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { adviseOnUpstream } from '../../model/upstream-advice.ts'
import { parseRepomd } from '../../repodata/repomd.ts'
import { lookAtDatabase, type FailedLook } from '../../snapshot/sql-look.ts'
import { fetchRepomd } from '../../snapshot/repomd-source.ts'
import { ArchSources } from '../../upstream/arch-sources.ts'
import type { MirrorUpstream } from '../../upstream/mirror-upstream.ts'
import { Network } from '../../upstream/network.ts'
import { formatAge } from '../table.ts'
import { fine, type Finding } from './finding.ts'

/** Mirrors asked at a time. */
const PARALLEL = 8
/** For one mirror's answer, in milliseconds: who waits is a person. */
const PATIENCE_MS = 15_000
/** Syncs that have failed one after the other are no longer trouble in passing. */
const LASTING_FAILURES = 3
/** By how much repodata may seem to be of the future before the clock is doubted, in seconds. */
const FUTURE_S = 3_600

/**
 * Asks every enabled mirror for its repomd.xml as a sync would, but once.
 * @param failed mirrors whose last sync failed: one may answer, and what it says be refused
 * @param isServed whether a server runs, which tries such a sync again by itself
 */
export async function checkMirrors(
  config: Config,
  nowMs: number,
  failed: ReadonlyMap<string, FailedLook> = new Map(),
  isServed = false,
): Promise<Finding[]> {
  const network = new Network({ hosts: () => config.hosts ?? new Map() })
  const mirrors = new Map([...config.mirrors].map(([name, mirror]) => [name, hurry(mirror)]))
  const sources = openSources({ ...config, mirrors }, { network })
  const limit = pLimit(PARALLEL)
  const enabled = [...mirrors.values()].filter((mirror) => mirror.enabled)
  const asked = enabled.flatMap(({ name }) => {
    const upstreams = sources.upstreams.get(name)
    if (!(upstreams instanceof ArchSources)) return [{ name, label: name, upstream: upstreams }]
    return [...upstreams.arches].map(([arch, upstream]) => ({ name, label: `${name} (${arch})`, upstream }))
  })
  try {
    const found = await Promise.all(asked.map((one) => limit(() => checkMirror(one, nowMs))))
    const left = new Map(failed)
    return found.map((finding, at) => {
      const { name = '' } = asked[at] ?? {}
      const failure = left.get(name)
      if (failure === undefined || finding.level === 'fail') return finding
      // Of several architectures it is told once.
      left.delete(name)
      const isRetried = isServed && config.mirrors.get(name)?.syncIntervalMs !== 'off'
      return addFailure(finding, name, { ...failure, isRetried }, nowMs)
    })
  } finally {
    await sources.close()
  }
}

/** The mirrors whose last sync failed, as a server or command has noted it; none of a database that cannot be read, of which is told elsewhere. */
export function readFailures({ dataDir }: Pick<Config, 'dataDir'>): ReadonlyMap<string, FailedLook> {
  try {
    return lookAtDatabase(createLayout(dataDir).database)?.held?.failed ?? new Map()
  } catch {
    return new Map()
  }
}

/** What fails once, of a mirror that has worked and answers, is over by itself mostly: nobody is needed before it has failed again and again. */
function addFailure(
  finding: Finding,
  mirror: string,
  { error, atMs, failures, hasSucceeded, isRetried }: FailedLook & { readonly isRetried: boolean },
  nowMs: number,
): Finding {
  const isPassing = isRetried && hasSucceeded && failures < LASTING_FAILURES
  const age = formatAge(new Date(atMs).toISOString(), nowMs)
  return {
    check: finding.check,
    level: isPassing ? 'warn' : 'fail',
    found: `${finding.found}; its last sync, ${age}, failed: ${error}`,
    advice: `${isPassing ? 'it is tried again by itself; ' : ''}pinyon sync ${mirror} says whether that is still so, and what helps`,
  }
}

function hurry(mirror: MirrorConfig): MirrorConfig {
  return { ...mirror, retries: 0, timeoutMs: Math.min(mirror.timeoutMs, PATIENCE_MS) }
}

/** Asks one repository; of several architectures each is one. */
async function checkMirror(
  {
    name,
    label,
    upstream,
  }: { readonly name: string; readonly label: string; readonly upstream: MirrorUpstream | undefined },
  nowMs: number,
): Promise<Finding> {
  const check = `mirror ${label}`
  const startedAt = performance.now()
  try {
    if (upstream === undefined) throw new PinyonError('MIRROR_UNCONFIGURED', `no such mirror: ${name}`)
    const found = await fetchRepomd(upstream, undefined, { signal: AbortSignal.timeout(PATIENCE_MS) })
    // Nothing was seen before, so nothing can be unchanged.
    if (found === undefined)
      throw new PinyonError('UPSTREAM_STATUS', 'an unconditional request was answered 304')
    const { records, newestTimestamp = 0 } = parseRepomd(found.bytes)
    const ms = Math.round(performance.now() - startedAt)
    if (newestTimestamp * 1000 > nowMs + FUTURE_S * 1000)
      return {
        check,
        level: 'warn',
        found: `its files are of ${new Date(newestTimestamp * 1000).toISOString()}, which is in the future`,
        advice: "look at this machine's clock",
      }
    return fine(
      check,
      `${found.seen.baseurl} answers in ${ms} ms, ${counted(records.length, 'file')} of repodata`,
    )
  } catch (error) {
    const failure = toPinyonError(error)
    return {
      check,
      level: 'fail',
      found: failure.message,
      advice: adviseOnUpstream(failure) ?? 'see what its baseurl gives in a browser or with curl',
    }
  }
}
