import type { Upstream } from '../../upstream/upstream.ts'
import { readCompanion } from '../companions.ts'
import type { Shown } from '../look-upstream.ts'
import { SIGNATURE_PATH, fetchRepomd } from '../repomd-source.ts'
import type { Snapshot, SnapshotStore } from '../store.ts'
import { awaitSignature, type SignatureCheck } from './await-signature.ts'
import { hasSignature, lacksSignature } from './late-signature.ts'

/** What a mirror's newest snapshot still needs: that its signature comes, or is verified since that is wanted now. */
export type Pending = 'signature' | 'verification'

/** What looking for it came to: nothing to do, a snapshot to be made, or upstream has gone on. */
export type Settled = 'unchanged' | 'capture' | 'moved'

/** What it needs. */
export interface PendingContext {
  readonly upstream: Upstream
  readonly store: Pick<SnapshotStore, 'files' | 'signature' | 'recordSignature'>
  readonly signature?: SignatureCheck
  readonly signal: AbortSignal
}

/** What is pending of the newest snapshot; undefined for nothing, which costs no request. */
export async function findPending(context: PendingContext, newest: Snapshot): Promise<Pending | undefined> {
  const { store, signature } = context
  if (signature !== undefined)
    return (await store.signature(newest)) === undefined ? 'verification' : undefined
  return lacksSignature(await store.files(newest)) ? 'signature' : undefined
}

/**
 * Looks for what is pending, beside a repomd.xml that says what the newest snapshot says.
 * @throws PinyonError SIGNATURE_REFUSED when the snapshot, which may have been published before that was asked, is not signed as it has to be
 */
export async function settle(
  context: PendingContext,
  newest: Snapshot,
  { fetched }: Shown,
  pending: Pending,
): Promise<Settled> {
  const { store, signature, upstream, signal } = context
  if (pending === 'signature' || signature === undefined)
    return (await hasSignature(context, fetched)) ? 'capture' : 'unchanged'
  const found = await awaitSignature({
    ...signature,
    repomd: fetched.bytes,
    read: () => readCompanion(context, fetched, SIGNATURE_PATH),
    hasMoved: async () => {
      const onlyBaseurl = fetched.seen.baseurl
      return (await fetchRepomd(upstream, fetched.seen, { signal, onlyBaseurl })) !== undefined
    },
    signal,
  })
  if (found === undefined) return 'moved'
  const files = await store.files(newest)
  const isSame =
    files.some(({ type, digest }) => type === 'repomd' && digest === fetched.seen.digest) &&
    files.some(({ type, digest }) => type === 'signature' && digest === found.companion.digest)
  if (isSame) await store.recordSignature(newest, found.verified)
  return isSame ? 'unchanged' : 'capture'
}
