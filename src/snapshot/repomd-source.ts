import { gunzipSync } from 'node:zlib'

import { digestOf, type Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { aboutFile } from '../model/upstream-advice.ts'
import { TAG } from '../signature/packets.ts'
import type { Upstream, UpstreamReply, UpstreamRequest } from '../upstream/upstream.ts'
import type { SeenRepomd } from './store.ts'

/** Where every repository has it, below its base URL. */
export const REPOMD_PATH = 'repodata/repomd.xml'

/** Where a signed one has its detached signature. */
export const SIGNATURE_PATH = `${REPOMD_PATH}.asc`

/** Files beside repomd.xml that no record names: its detached signature and the key that signed it. */
export const COMPANIONS = [
  { path: SIGNATURE_PATH, type: 'signature' },
  { path: `${REPOMD_PATH}.key`, type: 'key' },
] as const

/** Far above any real one: yum 3 itself refuses more than 100 KB. */
const MAX_REPOMD_BYTES = 1 << 20
/** Signatures and keys. */
const MAX_COMPANION_BYTES = 1 << 20

/** A repomd.xml as upstream gave it. */
export interface FetchedRepomd {
  readonly bytes: Buffer
  readonly seen: SeenRepomd
}

/** A companion of repomd.xml. */
export interface Companion {
  readonly bytes: Buffer
  readonly digest: Digest
}

/** Which sources are asked for a repomd.xml; see {@link ../upstream/upstream.ts}. */
export type RepomdRequest = Pick<UpstreamRequest, 'onlyBaseurl' | 'except' | 'isOptional'> & {
  readonly signal: AbortSignal
}

/** What one source showed: without a repomd.xml where it is the one that was seen before. */
export interface RepomdAnswer {
  readonly baseurl: string
  readonly fetched: FetchedRepomd | undefined
}

/** Gets repomd.xml, conditionally when one was seen before. */
export async function askRepomd(
  upstream: Upstream,
  seen: SeenRepomd | undefined,
  request: RepomdRequest,
): Promise<RepomdAnswer> {
  const conditions = seen === undefined ? {} : { validators: toValidators(seen) }
  const reply = await upstream
    .get(REPOMD_PATH, { isFresh: true, ...request, ...conditions })
    .catch((error: unknown) => {
      throw error instanceof PinyonError ? aboutFile(error, 'repomd') : error
    })
  const { baseurl } = reply
  if (reply.status === 304) return { baseurl, fetched: undefined }
  const bytes = decodeOnce(await readAll(reply, MAX_REPOMD_BYTES, REPOMD_PATH))
  const digest = digestOf(bytes)
  if (digest === seen?.digest) return { baseurl, fetched: undefined }
  const { validators, named } = reply
  const { etag, lastModified } = validators
  const shown = { baseurl, etag, lastModified, digest, ...(named === undefined ? {} : { named }) }
  return { baseurl, fetched: { bytes, seen: shown } }
}

/**
 * As {@link askRepomd}, of whichever source answers.
 * @returns undefined when upstream still has the one that was seen
 */
export async function fetchRepomd(
  upstream: Upstream,
  seen: SeenRepomd | undefined,
  request: RepomdRequest,
): Promise<FetchedRepomd | undefined> {
  return (await askRepomd(upstream, seen, request)).fetched
}

/** Gets `repomd.xml.asc` or `.key` from the source that gave repomd.xml; undefined when it has none. */
export async function fetchCompanion(
  upstream: Upstream,
  path: string,
  baseurl: string,
  signal: AbortSignal,
): Promise<Companion | undefined> {
  try {
    const reply = await upstream.get(path, { signal, isFresh: true, onlyBaseurl: baseurl })
    const bytes = await readAll(reply, MAX_COMPANION_BYTES, path)
    // No checksum guards it, so nothing else than what it has to be is taken: no login page, and nothing that a redirect leads to.
    return isOpenPgp(bytes) ? { bytes, digest: digestOf(bytes) } : undefined
  } catch (error) {
    // Object stores answer 403 for what is not there.
    if (error instanceof PinyonError && (error.code === 'UPSTREAM_GONE' || error.facts['status'] === 403))
      return undefined
    throw error
  }
}

/**
 * Whether bytes begin as a signature or a key does (RFC 9580): armour, or the tag of such a packet. A byte above 0x7f alone says nothing: pages
 * may begin with a byte order mark.
 */
function isOpenPgp(bytes: Buffer): boolean {
  if (/^\s*-----BEGIN PGP /.test(bytes.toString('latin1', 0, 200))) return true
  const first = bytes[0] ?? 0
  const tag = (first & 0x40) === 0 ? (first >> 2) & 0x0f : first & 0x3f
  return (first & 0x80) !== 0 && (tag === TAG.signature || tag === TAG.publicKey)
}

function toValidators(seen: SeenRepomd): { baseurl: string; etag?: string; lastModified?: string } {
  const { baseurl, etag, lastModified } = seen
  return {
    baseurl,
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  }
}

/**
 * The body of an answer, as one.
 * @throws PinyonError UPSTREAM_OVERSIZE beyond a number of bytes
 */
export async function readAll(
  reply: Pick<UpstreamReply, 'body'>,
  maxBytes: number,
  path: string,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of reply.body) {
    size += chunk.length
    if (size > maxBytes)
      throw new PinyonError('UPSTREAM_OVERSIZE', `${path} is larger than: ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Some servers compress XML on the fly though they were asked not to; repomd.xml itself is never a gzip file. */
function decodeOnce(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_REPOMD_BYTES })
  } catch (error) {
    const message = `decoding a compressed repomd.xml: ${(error as Error).message}`
    throw new PinyonError('REPODATA_MALFORMED', message, { cause: error })
  }
}
