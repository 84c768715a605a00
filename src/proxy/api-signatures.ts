import { splitArch } from '../model/arch.ts'
import type { RingKey } from '../snapshot/keys/key-ring.ts'
import type { Snapshot, SnapshotReader } from '../snapshot/store.ts'
import type { ApiContext } from './api-context.ts'
import { toIso } from './api-reply.ts'

/** The signature of a snapshot's repomd.xml as the API shows it. */
export interface SignatureView {
  /** verified: before it was published, or when that was asked; unverified: there is one; missing: upstream had not the right one. */
  readonly state: 'verified' | 'unverified' | 'missing' | 'none'
  /** Fingerprints of the key that signed and of its primary key; null unless verified, as all below. */
  readonly fingerprint: string | null
  readonly key: string | null
  readonly owner: string | null
  readonly hash: string | null
  readonly signed_at: string | null
  readonly verified_at: string | null
}

/** A key as the API shows it. */
export interface KeyView {
  readonly fingerprint: string
  /** Of the primary key; its own unless it is a subkey. */
  readonly key: string
  readonly owner: string
  /** Such as `rsa4096`. */
  readonly kind: string
  readonly created_at: string | null
  readonly expires_at: string | null
  /** Its URL, or `file`. */
  readonly source: string
  /** Why nothing that it signs counts; null when it does. */
  readonly refusal: string | null
}

/** What a mirror's keys come to: the keys, and what is wrong with some of them. */
export interface KeysView {
  readonly gpg_keys: readonly KeyView[]
  readonly gpg_problems: readonly string[]
}

/** From the one that says the least. */
const STATES: readonly SignatureView['state'][] = ['none', 'missing', 'unverified', 'verified']

/** Who signed a snapshot: of several architectures, the signature that says the least of any of them. */
export async function toSignatureView(snapshots: SnapshotReader, snapshot: Snapshot): Promise<SignatureView> {
  const all = await toSignatureViews(snapshots, snapshot)
  const [least] = Object.values(all).toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state))
  return least ?? (await describe(snapshots, snapshot, undefined))
}

/** Who signed each architecture of a snapshot of several; of none where there is a single repository. */
export async function toSignatureViews(
  snapshots: SnapshotReader,
  snapshot: Snapshot,
): Promise<Readonly<Record<string, SignatureView>>> {
  const { arches = [] } = snapshot
  const views = arches.map(async (arch) => [arch, await describe(snapshots, snapshot, arch)] as const)
  return Object.fromEntries(await Promise.all(views))
}

async function describe(
  snapshots: SnapshotReader,
  snapshot: Snapshot,
  arch: string | undefined,
): Promise<SignatureView> {
  const found = await snapshots.signature(snapshot, arch)
  const files = await snapshots.files(snapshot)
  const isOwn = (path: string) => arch === undefined || splitArch(path, [arch]) !== undefined
  const file = files.find(({ type, path }) => type === 'signature' && isOwn(path))
  const other = file === undefined ? 'none' : file.digest === undefined ? 'missing' : 'unverified'
  return {
    state: found === undefined ? other : 'verified',
    fingerprint: found?.fingerprint ?? null,
    key: found?.primary ?? null,
    owner: found?.owner ?? null,
    hash: found?.hash ?? null,
    signed_at: toIso(found?.signedAt),
    verified_at: toIso(found?.verifiedAt),
  }
}

/** The keys of a mirror. */
export async function toKeysView({ gpgKeys }: ApiContext, mirror: string): Promise<KeysView> {
  const { keys, problems } = await gpgKeys(mirror)
  return { gpg_keys: keys.map(toKeyView), gpg_problems: problems }
}

function toKeyView({ fingerprint, primary, owner, kind, ...key }: RingKey): KeyView {
  return {
    fingerprint,
    key: primary,
    owner,
    kind,
    created_at: toIso(key.createdAt),
    expires_at: toIso(key.expiresAt),
    source: key.source,
    refusal: key.refusal ?? null,
  }
}
