import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { FarmMirror } from '../snapshot/farm/farm.ts'
import type { Snapshot } from '../snapshot/store.ts'
import type { DashboardContext } from './context.ts'

/** A mirror by its name. Throws PinyonError NOT_FOUND. */
export async function findMirror(context: DashboardContext, name: string | undefined): Promise<FarmMirror> {
  const mirrors = await context.snapshots.farm.mirrors(context.now())
  const found = mirrors.find((mirror) => mirror.name === name)
  if (found === undefined)
    throw noSuchMirror(
      name ?? '',
      mirrors.map((one) => one.name),
    )
  return found
}

/** A snapshot of a mirror that is there. Throws PinyonError NOT_FOUND, with what has become of it, or may have been meant. */
export async function findSnapshot(
  context: DashboardContext,
  mirror: string,
  name: string | undefined,
): Promise<Snapshot> {
  const { snapshots } = context
  const found = name === undefined ? undefined : await snapshots.snapshot(mirror, name)
  if (found !== undefined) return found
  const retiredAt = name === undefined ? undefined : await snapshots.retiredAt(mirror, name)
  if (retiredAt !== undefined) {
    const at = new Date(retiredAt).toISOString()
    throw new PinyonError('NOT_FOUND', `${mirror} has its snapshot ${name} no more: it was retired at ${at}`)
  }
  const names = (await snapshots.snapshots(mirror)).map((one) => one.name)
  const known =
    names.length === 0 ? 'it has none' : `the nearest are ${nearestNames(name ?? '', names).join(', ')}`
  throw new PinyonError('NOT_FOUND', `${mirror} has no snapshot ${name}: ${known}`)
}
