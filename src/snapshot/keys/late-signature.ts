import type { Digest } from '../../model/digest.ts'
import { PinyonError } from '../../model/errors.ts'
import { matchesSignature } from '../../signature/signature-match.ts'
import type { Capture } from '../capture.ts'
import type { CaptureContext } from '../capture-record.ts'
import { readCompanion } from '../companions.ts'
import { SIGNATURE_PATH, type FetchedRepomd } from '../repomd-source.ts'
import type { CandidateFile } from '../store.ts'

// Upstreams upload repomd.xml.asc after repomd.xml, and may be interrupted in between. Snapshots do not change, so a signature that comes later
// makes another one.

/** How long a signature is waited for that the last snapshot had, in milliseconds: if it has not come then, upstream does not sign any more. */
const HOPE_MS = 3_600_000

/** Since when mirrors' signatures are waited for, as long as this process runs. */
export class SignatureHopes {
  readonly #hopes = new Map<string, { readonly digest: Digest; readonly sinceMs: number }>()

  /** Whether the signature of a repomd.xml may still come: for an hour from the first time that this is asked. */
  mayCome(mirror: string, digest: Digest, nowMs: number): boolean {
    const known = this.#hopes.get(mirror)
    const sinceMs = known?.digest === digest ? known.sinceMs : nowMs
    this.#hopes.set(mirror, { digest, sinceMs })
    // A negative age is of a clock that was set back.
    return nowMs - sinceMs < HOPE_MS
  }
}

/** Whether a snapshot was to have a signature and has none. */
export function lacksSignature(files: readonly CandidateFile[]): boolean {
  return files.some(({ type, digest }) => type === 'signature' && digest === undefined)
}

/**
 * Whether upstream has by now a signature that can be that of a repomd.xml, for a snapshot that lacks it.
 * @throws PinyonError upstream's trouble
 */
export async function hasSignature(
  context: Pick<CaptureContext, 'upstream' | 'signal'>,
  fetched: FetchedRepomd,
): Promise<boolean> {
  const companion = await readCompanion(context, fetched, SIGNATURE_PATH)
  return companion !== undefined && matchesSignature(fetched.bytes, companion.bytes) !== false
}

/**
 * Adds to a capture without a signature that the snapshot before it had one, as a defect.
 * @param mayCome whether the signature may still come
 * @throws PinyonError SIGNATURE_REFUSED while it may: the last snapshot stays
 */
export function noteLateSignature(
  capture: Capture,
  previous: readonly CandidateFile[] | undefined,
  mayCome: () => boolean,
): Capture {
  const before = previous?.find(({ type }) => type === 'signature')
  const own = capture.files.find(({ type }) => type === 'signature')
  const isLate = own === undefined ? before?.digest !== undefined : own.digest === undefined
  if (!isLate) return capture
  const missing = { path: SIGNATURE_PATH, kind: 'missing', message: 'upstream has none' } as const
  const defects = own === undefined ? [...capture.defects, missing] : capture.defects
  const defect = defects.find(({ path }) => path === SIGNATURE_PATH)
  if (before?.digest !== undefined && mayCome())
    throw new PinyonError(
      'SIGNATURE_REFUSED',
      `the last snapshot is signed, and its successor not yet: ${SIGNATURE_PATH}: ${defect?.message ?? ''}`,
    )
  const file = { path: SIGNATURE_PATH, type: 'signature', digest: undefined, size: 0 }
  return { ...capture, files: own === undefined ? [...capture.files, file] : capture.files, defects }
}
