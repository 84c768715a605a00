/**
 * How a request was answered: one closed list for logs, metrics, the X-Cache header and the benchmarks.
 *
 * - hit: from the cache, nobody upstream was asked
 * - not_modified: 304, the client's copy is right
 * - fill: this request began the download of the blob it got
 * - join: this request was served from a download another request had begun
 * - bypass: streamed from upstream without being stored
 * - redirect: 3xx
 * - not_found: the snapshot does not list the path, or there is no such thing
 * - bad_request: the request itself is refused (4xx other than 404)
 * - lost: the snapshot lists the package, and no source has it any more
 * - error_upstream: no source could be reached, or none answered properly
 * - error_digest: every source sent bytes that are not the ones listed, or they are not signed as they have to be
 * - error_internal: our own trouble (disk, database, a bug)
 * - aborted: the client went away before its answer was complete
 */
export const OUTCOMES = [
  'hit',
  'not_modified',
  'fill',
  'join',
  'bypass',
  'redirect',
  'not_found',
  'bad_request',
  'lost',
  'error_upstream',
  'error_digest',
  'error_internal',
  'aborted',
] as const
export type Outcome = (typeof OUTCOMES)[number]
