import { refuseMirrorName } from '../../model/mirror-name.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { SNAPSHOT_NAME } from '../../model/snapshot-name.ts'
import { identifyOld } from './adopt-capture.ts'
import { adoptGroup, copyInto, refusalOf, type AdoptContext } from './adopt-group.ts'
import { planAdoption } from './adopt-place.ts'
import { ReportBuilder, type AdoptReport } from './adopt-report.ts'
import { REPOMD_PATH } from '../repomd-source.ts'
import type { Snapshot } from '../store.ts'

/**
 * Takes the snapshots of an old mirror tree in, oldest first, with their packages as far as the tree has them. Snapshots appear all at
 * once, when everything of them is stored. Never throws: what could not be adopted is in the report.
 */
export async function adoptMirror(context: AdoptContext): Promise<AdoptReport> {
  const { mirror, claims } = context
  const report = new ReportBuilder(mirror.name)
  const claim = context.trialBlobs === undefined ? claims.tryClaim(`adopt ${mirror.name}`) : { release() {} }
  try {
    const reason = refuseMirrorName(mirror.name)
    if (reason !== undefined)
      throw new PinyonError('ADOPTION_REFUSED', `this cannot be a mirror's name: ${reason}`)
    if (claim === undefined)
      throw new PinyonError('SYNC_RUNNING', `another process is adopting: ${mirror.name}`)
    await adoptSnapshots(context, report)
    return report.finish()
  } catch (thrown) {
    return report.finish(toPinyonError(context.signal.aborted ? context.signal.reason : thrown))
  } finally {
    claim?.release()
  }
}

async function adoptSnapshots(context: AdoptContext, report: ReportBuilder): Promise<void> {
  const { tree, mirror, store } = context
  const names = (await tree.directories(mirror.directory)).filter((name) => SNAPSHOT_NAME.test(name))
  const own = await store.snapshots(mirror.name)
  const retired = await store.retiredNames(mirror.name)
  const plan = planAdoption(names, [...own.map(({ name }) => name), ...retired])
  const gone = plan.present.filter((name) => retired.includes(name))
  if (gone.length > 0) report.notes.push(`adopted before and retired since: ${gone.join(' ')}`)
  await noteLatest(context, report, names, own[0]?.name)
  for (const name of plan.between) {
    const reason = 'older and newer snapshots are there already, and none can be put between them'
    report.refused.push({ name, reason })
  }
  const same: Snapshot[] = []
  for (const name of plan.present) {
    const snapshot = own.find((one) => one.name === name)
    if (snapshot !== undefined && (await isSame(context, snapshot, report))) same.push(snapshot)
  }
  if (same.length > 0) await completePackages(context, same, report)
  await adoptGroup(context, plan.before, report)
  await adoptGroup(context, plan.after, report)
}

/** What `latest.txt` says. After newer snapshots of the mirror's own, it is of no consequence any more. */
async function noteLatest(
  { tree, mirror }: AdoptContext,
  report: ReportBuilder,
  names: readonly string[],
  ownNewest: string | undefined,
): Promise<void> {
  const latest = await tree.readLatest(mirror)
  const newest = names.at(-1)
  if (newest === undefined) return
  if (latest === undefined) report.notes.push('it has no latest.txt: the old index did not list it')
  else if (!names.includes(latest))
    report.notes.push(`latest.txt names what is not there: ${JSON.stringify(latest)}`)
  else if (latest !== newest && newest >= (ownNewest ?? '')) report.rolledBackTo = latest
}

/** Whether what the tree has under a snapshot's name is what is there; if not, that is reported. */
async function isSame(context: AdoptContext, snapshot: Snapshot, report: ReportBuilder): Promise<boolean> {
  const { tree, mirror, store, signal } = context
  const { name } = snapshot
  try {
    const old = await identifyOld({ tree, mirror, name }, signal)
    const repomd = (await store.files(snapshot)).find(({ path }) => path === REPOMD_PATH)
    // A retired snapshot has no files any more.
    const same =
      repomd === undefined ? old.fingerprint === snapshot.fingerprint : old.digest === repomd.digest
    if (same) report.present.push(name)
    else report.refused.push({ name, reason: 'a snapshot of this name is there, with another content' })
    return same
  } catch (error) {
    report.refused.push({ name, reason: refusalOf(error) })
    return false
  }
}

/** Packages that an earlier run did not store, or that have been evicted since. */
async function completePackages(
  context: AdoptContext,
  same: readonly Snapshot[],
  report: ReportBuilder,
): Promise<void> {
  const [first, last] = [same[0], same.at(-1)]
  if (first === undefined || last === undefined) return
  const adoption = context.store.adopt(context.mirror.name)
  try {
    await copyInto(context, report, adoption.packagesBetween(first, last))
  } finally {
    await adoption.close()
  }
}
