import type { ErrorCode, PinyonError } from './errors.ts'

/** Why something could not be had, as figures tell it: a closed list, as a label has to be. The message says more. */
export const REASONS = [
  'unreachable',
  'timeout',
  'status',
  'refused',
  'down',
  'gone',
  'lost',
  'short',
  'wrong_bytes',
  'signature',
  'metadata',
  'not_ready',
  'busy',
  'stopping',
  'disk',
  'internal',
] as const
export type Reason = (typeof REASONS)[number]

/** Of every error that is answered with 5xx; others are the client's own affair. */
const REASON_OF: Readonly<Partial<Record<ErrorCode, Reason>>> = {
  UPSTREAM_UNREACHABLE: 'unreachable',
  UPSTREAM_TIMEOUT: 'timeout',
  UPSTREAM_LATE: 'timeout',
  UPSTREAM_STATUS: 'status',
  UPSTREAM_REFUSED: 'refused',
  UPSTREAM_DOWN: 'down',
  UPSTREAM_GONE: 'gone',
  PACKAGE_LOST: 'lost',
  MIRROR_UNCONFIGURED: 'lost',
  UPSTREAM_SHORT: 'short',
  UPSTREAM_OVERSIZE: 'wrong_bytes',
  UPSTREAM_PAGE: 'wrong_bytes',
  UPSTREAM_OTHER: 'wrong_bytes',
  DIGEST_MISMATCH: 'wrong_bytes',
  SIGNATURE_MALFORMED: 'signature',
  SIGNATURE_REFUSED: 'signature',
  KEY_REFUSED: 'signature',
  REPODATA_MALFORMED: 'metadata',
  REPODATA_MOVING: 'metadata',
  REPODATA_OLDER: 'metadata',
  REPODATA_UNLISTED: 'metadata',
  INDEX_UNREADABLE: 'metadata',
  INDEX_INVALID: 'metadata',
  NOT_READY: 'not_ready',
  TOO_BUSY: 'busy',
  NO_DESCRIPTORS: 'busy',
  SHUTTING_DOWN: 'stopping',
  CACHE_FULL: 'disk',
  NO_SPACE: 'disk',
  BLOB_UNREADABLE: 'disk',
  STORE_CORRUPT: 'disk',
  STORE_FAILED: 'internal',
}

/** The reason that figures give for an error. */
export function reasonOf({ code }: PinyonError): Reason {
  return REASON_OF[code] ?? 'internal'
}
