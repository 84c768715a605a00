import { PinyonError } from '../model/errors.ts'

/**
 * Refuses to go back to a generation of which something is no longer there.
 * @param pins mirror and snapshot
 * @param namesOf the snapshots that a mirror has
 * @throws PinyonError PIN_UNKNOWN, naming all that are gone
 */
export async function refuseGone(
  generation: number | string,
  pins: readonly (readonly [string, string])[],
  namesOf: (mirror: string) => Promise<readonly string[]>,
): Promise<void> {
  const gone: string[] = []
  for (const [mirror, name] of pins)
    if (!(await namesOf(mirror)).includes(name)) gone.push(`${mirror} ${name}`)
  if (gone.length > 0)
    throw new PinyonError(
      'PIN_UNKNOWN',
      `generation ${generation} cannot come back, of its snapshots are gone: ${gone.join(', ')}`,
    )
}
