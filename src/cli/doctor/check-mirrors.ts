import pLimit from 'p-limit'

import { openSources } from '../../app/mirror-lists.ts'
import type { Config, MirrorConfig } from '../../config/config.ts'
import { counted } from '../../model/count.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { adviseOnUpstream } from '../../model/upstream-advice.ts'
import { parseRepomd } from '../../repodata/repomd.ts'
import { fetchRepomd } from '../../snapshot/repomd-source.ts'
import { ArchSources } from '../../upstream/arch-sources.ts'
import type { MirrorUpstream } from '../../upstream/mirror-upstream.ts'
import { Network } from '../../upstream/network.ts'
import { fine, type Finding } from './finding.ts'

/** Mirrors asked at a time. */
const PARALLEL = 8
/** For one mirror's answer, in milliseconds: who waits is a person. */
const PATIENCE_MS = 15_000
/** By how much repodata may seem to be of the future before the clock is doubted, in seconds. */
const FUTURE_S = 3_600

/** Asks every enabled mirror for its repomd.xml as a sync would, but once. */
export async function checkMirrors(config: Config, nowMs: number): Promise<Finding[]> {
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
    return await Promise.all(asked.map((one) => limit(() => checkMirror(one, nowMs))))
  } finally {
    await sources.close()
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
