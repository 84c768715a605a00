import { PinyonError } from '../model/errors.ts'

/** As many snapshots as are named. */
const MAX_NAMED = 20

/**
 * Refuses to pin mirrors to what a generation named when some of that was retired since.
 * @param pins the snapshots, by mirror
 * @param namesOf gives the names of a mirror's snapshots that are there
 * @throws PinyonError PIN_UNKNOWN, naming those that are gone
 */
export async function refuseRetired(
  generation: number | string,
  pins: Iterable<readonly [mirror: string, snapshot: string]>,
  namesOf: (mirror: string) => Promise<readonly string[]>,
): Promise<void> {
  const gone: string[] = []
  for (const [mirror, snapshot] of pins)
    if (!(await namesOf(mirror)).includes(snapshot)) gone.push(`${mirror} ${snapshot}`)
  if (gone.length === 0) return
  const more = gone.length > MAX_NAMED ? ` and ${gone.length - MAX_NAMED} more` : ''
  throw new PinyonError(
    'PIN_UNKNOWN',
    `generation ${generation} cannot be rolled back to, some of its snapshots were retired: ${gone.slice(0, MAX_NAMED).join(', ')}${more}`,
  )
}
