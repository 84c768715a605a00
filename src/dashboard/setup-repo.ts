import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { MissingMirrors } from '../proxy/missing-mirrors.ts'
import { formatMirrorRepo } from '../proxy/mirror-repo.ts'
import { indexOfGeneration } from '../proxy/past.ts'
import { createTextReply, type TextReply } from '../proxy/reply.ts'
import type { DashboardContext } from './context.ts'

const MAX_MIRRORS = 1_000

/**
 * The text of a `.repo` file: `/setup.repo?mirror=a,b&at=current|rolling|generation:N`; all mirrors without `mirror`, the current snapshots
 * without `at`.
 * @param base what URLs begin with, without a trailing slash
 * @throws PinyonError NOT_FOUND for a mirror that is not in the index, NOT_READY for one that has no snapshot yet, PATH_REFUSED for another `at`
 */
export async function answerSetupRepo(
  { snapshots, clientSettings }: Pick<DashboardContext, 'snapshots' | 'clientSettings'>,
  query: URLSearchParams,
  base: string,
): Promise<TextReply> {
  const at = query.get('at') ?? 'current'
  const generation = /^generation:(\d{1,15})$/.exec(at)?.[1]
  if (generation === undefined && at !== 'current' && at !== 'rolling') {
    const found = JSON.stringify(at.slice(0, 80))
    throw new PinyonError('PATH_REFUSED', `expected at=current, rolling or generation:N, found: ${found}`)
  }
  const { history } = snapshots
  const { current } =
    generation === undefined ? await snapshots.index() : await indexOfGeneration(history, generation)
  const asked = (query.get('mirror') ?? '').split(',').filter((name) => name !== '')
  const names = asked.length === 0 ? [...current.keys()] : [...new Set(asked)]
  const wanted = names.slice(0, MAX_MIRRORS)
  const missing = wanted.find((mirror) => !current.has(mirror))
  if (missing !== undefined)
    throw generation === undefined
      ? await new MissingMirrors(snapshots).mirror(missing)
      : noSuchMirror(missing, current.keys())
  const sections = wanted.flatMap((mirror) => {
    const snapshot = current.get(mirror)
    if (snapshot === undefined) return []
    const view = at === 'rolling' ? 'latest' : snapshot.name
    return formatMirrorRepo({ mirror, view, layout: snapshot, base, settings: clientSettings(mirror) })
  })
  return createTextReply('text/plain; charset=utf-8', sections.join('\n'))
}
