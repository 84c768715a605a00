import type { Outcome } from './outcome.ts'

interface ErrorKind {
  /** HTTP status a client gets when this error ends its request. */
  readonly status: number
  readonly outcome: Outcome
  readonly source: 'client' | 'upstream' | 'internal'
  /** Whether asking again, or asking another source, can help. */
  readonly retryable: boolean
}

/** Every error pinyon raises on purpose. Nothing else decides about status, outcome or retry of our own errors. */
export const ERROR_KINDS = {
  /** The request target is malformed or tries to leave its place. */
  PATH_REFUSED: { status: 400, outcome: 'bad_request', source: 'client', retryable: false },
  /** The Host header cannot stand in a URL, or there are several. */
  HOST_REFUSED: { status: 400, outcome: 'bad_request', source: 'client', retryable: false },
  /** There is no such method for this path. */
  METHOD_REFUSED: { status: 405, outcome: 'bad_request', source: 'client', retryable: false },
  /** What is there is not what If-Match or If-Unmodified-Since names. */
  PRECONDITION_FAILED: { status: 412, outcome: 'bad_request', source: 'client', retryable: false },
  /** No part of the file is in the range that is asked for. */
  RANGE_REFUSED: { status: 416, outcome: 'bad_request', source: 'client', retryable: false },
  /** The body of a request is not what it has to be, or too large. */
  BODY_REFUSED: { status: 400, outcome: 'bad_request', source: 'client', retryable: false },
  /** A body that is compressed, or otherwise not as it is. */
  CODING_REFUSED: { status: 415, outcome: 'bad_request', source: 'client', retryable: false },
  /** A body of more bytes than are taken there. */
  BODY_TOO_LARGE: { status: 413, outcome: 'bad_request', source: 'client', retryable: false },
  /** A write without a token, or with one that is not known. */
  UNAUTHORIZED: { status: 401, outcome: 'bad_request', source: 'client', retryable: false },
  /** Whoever asks may not: there are no tokens, or it is another user's socket or data directory. */
  FORBIDDEN: { status: 403, outcome: 'bad_request', source: 'client', retryable: false },
  /** There is no such thing, or the snapshot does not list it. */
  NOT_FOUND: { status: 404, outcome: 'not_found', source: 'client', retryable: false },
  /** A repodata file that repomd.xml names and upstream never had right; published as a defect. */
  DEFECTIVE_FILE: { status: 404, outcome: 'not_found', source: 'upstream', retryable: false },
  /** Name resolution, connection, TLS or a reset: no answer at all. */
  UPSTREAM_UNREACHABLE: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** No answer, or no further bytes, within the time allowed. */
  UPSTREAM_TIMEOUT: { status: 504, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** Nothing has come so far, and sources are still being asked: yum 3 asks again who answers 503, and gives up who answers 504. */
  UPSTREAM_LATE: { status: 503, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** An answer that is neither success nor "not there" (5xx, 401, 403, 429 …). */
  UPSTREAM_STATUS: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** A redirect to where it may not lead. */
  UPSTREAM_REFUSED: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: false },
  /** Every source has failed for a while, and none is asked just now. */
  UPSTREAM_DOWN: { status: 503, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** 404 or 410 for something a snapshot lists. */
  UPSTREAM_GONE: { status: 502, outcome: 'lost', source: 'upstream', retryable: false },
  /** Every source was asked for something that upstream lists no longer, and has it not. */
  PACKAGE_LOST: { status: 502, outcome: 'lost', source: 'upstream', retryable: false },
  /** The body ended before its announced or listed length. */
  UPSTREAM_SHORT: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** The body is longer than announced, listed or allowed. */
  UPSTREAM_OVERSIZE: { status: 502, outcome: 'error_digest', source: 'upstream', retryable: true },
  /** A web page instead of the file: a login, a splash screen, an error that calls itself 200. */
  UPSTREAM_PAGE: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: false },
  /** A length is announced that is not the listed file's, and there are others to ask. */
  UPSTREAM_OTHER: { status: 502, outcome: 'error_digest', source: 'upstream', retryable: false },
  /** The bytes are not the listed ones. */
  DIGEST_MISMATCH: { status: 502, outcome: 'error_digest', source: 'upstream', retryable: true },
  /** Repodata that cannot be read: XML, compression, missing parts. */
  REPODATA_MALFORMED: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: false },
  /** OpenPGP bytes, or the head of a package, that cannot be read. */
  SIGNATURE_MALFORMED: { status: 502, outcome: 'error_digest', source: 'upstream', retryable: false },
  /** A signature that is not there, not right, or by a key that does not count. */
  SIGNATURE_REFUSED: { status: 502, outcome: 'error_digest', source: 'upstream', retryable: false },
  /** A key that cannot be had, read or trusted. */
  KEY_REFUSED: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: false },
  /** Upstream published again and again while it was being captured. */
  REPODATA_MOVING: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** What upstream shows is older than the last snapshot. */
  REPODATA_OLDER: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: false },
  /** No mirror that answers has a repomd.xml that its metalink lists. */
  REPODATA_UNLISTED: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** An enabled mirror has no snapshot yet. */
  NOT_READY: { status: 503, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** Another process is syncing this mirror. */
  SYNC_RUNNING: { status: 409, outcome: 'bad_request', source: 'client', retryable: true },
  /** Another process collects what is not needed any more. */
  GC_RUNNING: { status: 409, outcome: 'bad_request', source: 'client', retryable: true },
  /** Blobs are being verified by this or another process. */
  VERIFY_RUNNING: { status: 409, outcome: 'bad_request', source: 'client', retryable: true },
  /** A package is listed, but its mirror is no longer configured and no source of it is known. */
  MIRROR_UNCONFIGURED: { status: 502, outcome: 'lost', source: 'internal', retryable: false },
  /** An older mirror tree, or its place in the store, is not such that it can be taken in. */
  ADOPTION_REFUSED: { status: 409, outcome: 'bad_request', source: 'client', retryable: false },
  /** The configuration pins a snapshot that is not there. */
  PIN_UNKNOWN: { status: 409, outcome: 'bad_request', source: 'client', retryable: false },
  /** There are as many views as there can be. */
  VIEWS_FULL: { status: 429, outcome: 'bad_request', source: 'client', retryable: true },
  /** More is asked for than is worked on at a time. */
  TOO_BUSY: { status: 503, outcome: 'error_internal', source: 'client', retryable: true },
  /** There is nothing that the command could change. */
  NOTHING_TO_DO: { status: 409, outcome: 'bad_request', source: 'client', retryable: false },
  /** A mirror that is to be removed was used lately, or a view holds it. */
  MIRROR_IN_USE: { status: 409, outcome: 'bad_request', source: 'client', retryable: false },
  /** A snapshot that is to be retired is current, pinned, the newest, or in a view. */
  SNAPSHOT_IN_USE: { status: 409, outcome: 'bad_request', source: 'client', retryable: false },
  /** The server may not write its configuration file. */
  CONFIG_READONLY: { status: 409, outcome: 'bad_request', source: 'client', retryable: false },
  /** An index of mirrors that is cut short, or not of its form. */
  INDEX_UNREADABLE: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: true },
  /** An index of mirrors that says something it must not. */
  INDEX_INVALID: { status: 502, outcome: 'error_upstream', source: 'upstream', retryable: false },
  /** The server is shutting down. */
  SHUTTING_DOWN: { status: 503, outcome: 'error_internal', source: 'internal', retryable: true },
  /** The configured size of the cache is used up by what may not go. */
  CACHE_FULL: { status: 503, outcome: 'error_internal', source: 'internal', retryable: false },
  /** data_dir's disk is full, or its quota used up. */
  NO_SPACE: { status: 503, outcome: 'error_internal', source: 'internal', retryable: false },
  /** No more files or connections may be opened. */
  NO_DESCRIPTORS: { status: 503, outcome: 'error_internal', source: 'internal', retryable: false },
  /** A stored file that cannot be read, or ends too soon: it is put aside and fetched again. */
  BLOB_UNREADABLE: { status: 500, outcome: 'error_internal', source: 'internal', retryable: true },
  /** The database is damaged. */
  STORE_CORRUPT: { status: 500, outcome: 'error_internal', source: 'internal', retryable: false },
  /** Whatever else went wrong in here. */
  STORE_FAILED: { status: 500, outcome: 'error_internal', source: 'internal', retryable: false },
  /** A client's package manager configuration that cannot be injected into. */
  INJECTION_REFUSED: { status: 422, outcome: 'bad_request', source: 'client', retryable: false },
  /** The configuration is refused, each problem with file, line and what was expected. */
  CONFIG_INVALID: { status: 409, outcome: 'bad_request', source: 'client', retryable: false },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERROR_KINDS

/** An error with a code from {@link ERROR_KINDS} and its facts as named values. */
export class PinyonError extends Error {
  readonly code: ErrorCode
  readonly facts: Readonly<Record<string, unknown>>

  /**
   * @param message what was being done, to what, what was found; the value last, after a colon
   * @param facts `cause` becomes the error's cause; the rest are values for logs (never secrets)
   */
  constructor(code: ErrorCode, message: string, facts: { cause?: unknown; [fact: string]: unknown } = {}) {
    const { cause, ...rest } = facts
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'PinyonError'
    this.code = code
    this.facts = rest
  }

  get kind(): ErrorKind {
    return ERROR_KINDS[this.code]
  }
}

/** What the system says when something has run out, and what that is to us. */
const SHORTAGES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  SQLITE_FULL: 'NO_SPACE',
  EMFILE: 'NO_DESCRIPTORS',
  ENFILE: 'NO_DESCRIPTORS',
}

/** What SQLite says of a file that is damaged, or none of its own. */
const CORRUPT = /^SQLITE_(CORRUPT|NOTADB)/

/**
 * Any thrown value as a PinyonError: itself, a shortage by its name, a damaged database, or a STORE_FAILED; the thrown one is its cause.
 */
export function toPinyonError(thrown: unknown): PinyonError {
  if (thrown instanceof PinyonError && thrown.code !== 'STORE_FAILED') return thrown
  const root = thrown instanceof PinyonError ? thrown.cause : thrown
  const { code = '', message: found = '' } = (root as { code?: string; message?: string } | undefined) ?? {}
  if (CORRUPT.test(code))
    return new PinyonError('STORE_CORRUPT', describeCorrupt('the database', found), { cause: thrown })
  const shortage = SHORTAGES[code]
  if (shortage === 'NO_SPACE')
    return new PinyonError(shortage, 'no space is left in data_dir', { cause: thrown })
  if (shortage !== undefined)
    return new PinyonError(shortage, 'too many files and connections are open: raise the limit', {
      cause: thrown,
    })
  if (thrown instanceof PinyonError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new PinyonError('STORE_FAILED', `unexpected failure: ${message}`, { cause: thrown })
}

/** Says of a database that it is damaged, and what helps. */
export function describeCorrupt(what: string, found: string): string {
  return `${what} is damaged; stop the server, and \`pinyon verify --rebuild\` makes it anew: ${found}`
}
