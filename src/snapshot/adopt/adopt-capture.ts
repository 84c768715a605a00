import { join } from 'node:path'

import type { BlobStore } from '../../cache/blob-store.ts'
import { digestOf, type Digest } from '../../model/digest.ts'
import { PinyonError } from '../../model/errors.ts'
import type { Repomd } from '../../model/repodata.ts'
import { parseSnapshotName } from '../../model/snapshot-name.ts'
import { parseRepomd, repomdFingerprint } from '../../repodata/repomd.ts'
import type { Tree, TreeMirror } from './adopt-tree.ts'
import { TreeUpstream } from './adopt-upstream.ts'
import { captureFiles, type Capture } from '../capture.ts'
import type { IngestJob } from '../ingest.ts'
import { listChecks } from '../repodata-check.ts'
import { fetchRepomd } from '../repomd-source.ts'

/** One snapshot of a mirror of the tree. */
export interface OldSnapshot {
  readonly tree: Tree
  readonly mirror: TreeMirror
  /** The name of its directory. */
  readonly name: string
}

/** What an old repomd.xml is known by: its bytes, and what they say. */
export interface OldIdentity {
  readonly digest: Digest
  readonly fingerprint: Digest
}

/**
 * Brings an old snapshot's repodata into the blob store, each file verified, and tells how to read them. A file other than primary that
 * is gone or wrong becomes a defect.
 * @throws PinyonError of upstream's kind when the snapshot cannot be had from the tree; else trouble with the tree or the store
 */
export async function captureOld(
  old: OldSnapshot,
  blobs: BlobStore,
  signal: AbortSignal,
): Promise<IngestJob> {
  const nowMs = parseSnapshotName(old.name)
  if (nowMs === undefined) throw new PinyonError('REPODATA_MALFORMED', `no moment has this name: ${old.name}`)
  const upstream = openUpstream(old)
  const fetched = await fetchRepomd(upstream, undefined, { signal })
  if (fetched === undefined) throw new Error('asked without validators, it cannot be unchanged')
  const repomd = parseRepomd(fetched.bytes)
  const capture = await captureFiles({ upstream, blobs, signal, onFile: () => undefined }, fetched, repomd)
  if (capture === undefined)
    throw new PinyonError('REPODATA_MOVING', `repomd.xml changed while the snapshot was read: ${old.name}`)
  refuseWithoutPrimary(repomd, capture)
  return {
    candidate: {
      mirror: old.mirror.name,
      fingerprint: repomdFingerprint(repomd),
      revision: repomd.revision,
      files: capture.files,
      defects: capture.defects,
      seen: fetched.seen,
    },
    strict: false,
    acceptedMissing: undefined,
    checks: listChecks(repomd, capture.files),
    nowMs,
  }
}

/** Reads an old snapshot's repomd.xml alone. Throws as {@link captureOld}. */
export async function identifyOld(old: OldSnapshot, signal: AbortSignal): Promise<OldIdentity> {
  const fetched = await fetchRepomd(openUpstream(old), undefined, { signal })
  const bytes = fetched?.bytes ?? Buffer.alloc(0)
  return { digest: digestOf(bytes), fingerprint: repomdFingerprint(parseRepomd(bytes)) }
}

function openUpstream({ tree, mirror, name }: OldSnapshot): TreeUpstream {
  return new TreeUpstream(tree, [join(mirror.directory, name), join(mirror.directory, 'base')])
}

function refuseWithoutPrimary(repomd: Repomd, capture: Capture): void {
  const primary = repomd.records.find(({ type }) => type === 'primary')
  if (primary === undefined) throw new PinyonError('REPODATA_MALFORMED', 'repomd.xml names no primary')
  const missing = capture.defects.find(({ path, kind }) => kind === 'missing' && path === primary.href)
  if (missing !== undefined)
    throw new PinyonError('UPSTREAM_GONE', `its packages are unknown: ${missing.message}`)
}
