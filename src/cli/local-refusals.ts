import { DiskBlobStore } from '../cache/disk-blob-store.ts'
import { isUnreadable } from '../cache/file-descriptor.ts'
import type { Layout } from '../cache/layout.ts'
import type { Config } from '../config/config.ts'
import type { PinyonError } from '../model/errors.ts'
import type { PathSources } from '../proxy/path-sources.ts'
import type { FileReply } from '../proxy/reply.ts'
import type { KeyRing } from '../snapshot/keys/key-ring.ts'
import { lostRefusal } from '../snapshot/prefetch/lost-refusal.ts'
import type { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'

/** What refusals are told from while no server runs. */
export interface LocalRefusalsOptions {
  readonly layout: Layout
  readonly store: Pick<SqliteSnapshotStore, 'departed'>
  readonly ring: Pick<KeyRing, 'keysOf'>
  readonly mirrors: Config['mirrors']
}

/** What a server on this data directory would refuse a GET with: the same as it says itself, by the keys that are here. */
export function createLocalRefusals(options: LocalRefusalsOptions): PathSources['refusalOf'] {
  return async (file) => {
    if (file.fileKind !== 'package') return undefined
    const listed = await options.store.departed.find(file.snapshot, file.path)
    const lost = listed?.departure?.lost
    return listed && lost ? lostRefusal(listed, lost, Date.now()) : await lookAtSignature(file, options)
  }
}

async function lookAtSignature(
  { digest, path, snapshot }: FileReply,
  { layout, ring, mirrors }: LocalRefusalsOptions,
): Promise<PinyonError | undefined> {
  const { gpgcheck = false, gpgKeys = [] } = mirrors.get(snapshot.mirror) ?? {}
  if (!gpgcheck || gpgKeys.length === 0) return undefined
  const { PackageGate } = await import('../proxy/package-gate.ts')
  const gate = new PackageGate({ keysOf: () => ring.keysOf(gpgKeys), canRenew: true }, Date.now)
  const blob = await new DiskBlobStore(layout, { processId: '', isAlive: () => true }).open(digest)
  try {
    return blob && (await gate.look(digest, path, blob))
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return undefined
  } finally {
    blob?.close()
  }
}
