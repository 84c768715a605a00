import { digestHex, digestOf, type Digest } from '../model/digest.ts'
import type { Outcome } from '../model/outcome.ts'
import type { Snapshot, SnapshotFile } from '../snapshot/store.ts'

/** A body that is made for the request, or remembered from one like it. */
export interface TextReply {
  readonly kind: 'text'
  readonly status: 200
  readonly contentType: string
  readonly body: Buffer
  /** Strong: the digest of the body. */
  readonly etag: string
  readonly snapshot?: Snapshot
  /** That this URL will never answer anything else. */
  readonly immutable?: boolean
  /** Of an index: mirrors whose signed metadata send clients to other servers. */
  readonly elsewhere?: readonly string[]
}

/** A relative or absolute path to go to. */
export interface RedirectReply {
  readonly kind: 'redirect'
  readonly location: string
}

/** A file of a snapshot. */
export interface FileReply {
  readonly kind: 'file'
  readonly digest: Digest
  /** Bytes; undefined when primary does not say: then the file is fetched before its headers can be written. */
  readonly size: number | undefined
  readonly path: string
  readonly fileKind: SnapshotFile['kind']
  /** Of a package: its name, as the repository lists it. */
  readonly packageName: string | undefined
  readonly contentType: string
  readonly etag: string
  /** Milliseconds since the epoch, whole seconds; and as an HTTP date. */
  readonly lastModifiedMs: number
  readonly lastModified: string
  /** False in the rolling view, where a name may come to mean other bytes. */
  readonly immutable: boolean
  readonly snapshot: Snapshot
}

/** What to answer, before anything is said about sockets, ranges and conditions. */
export type Reply = TextReply | RedirectReply | FileReply

/** A text reply with its validator. */
export function createTextReply(contentType: string, text: string | Buffer, snapshot?: Snapshot): TextReply {
  const body = typeof text === 'string' ? Buffer.from(text) : text
  const etag = `"${digestHex(digestOf(body)).slice(0, 32)}"`
  return {
    kind: 'text',
    status: 200,
    contentType,
    body,
    etag,
    ...(snapshot === undefined ? {} : { snapshot }),
  }
}

/** A file reply: ETag is the digest, Last-Modified the birth of the snapshot that lists the file. */
export function createFileReply(
  snapshot: Snapshot,
  file: SnapshotFile & { readonly digest: Digest },
  immutable: boolean,
): FileReply {
  const lastModifiedMs = Math.floor(snapshot.createdAt / 1000) * 1000
  return {
    kind: 'file',
    digest: file.digest,
    size: file.size,
    path: file.path,
    fileKind: file.kind,
    packageName: file.packageName,
    contentType: contentTypeOf(file.path),
    etag: `"${digestHex(file.digest)}"`,
    lastModifiedMs,
    lastModified: new Date(lastModifiedMs).toUTCString(),
    immutable,
    snapshot,
  }
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  rpm: 'application/x-rpm',
  drpm: 'application/x-rpm',
  xml: 'application/xml',
  gz: 'application/gzip',
  xz: 'application/x-xz',
  bz2: 'application/x-bzip2',
  zst: 'application/zstd',
  asc: 'application/pgp-signature',
  key: 'application/pgp-keys',
  yaml: 'application/yaml',
  txt: 'text/plain; charset=utf-8',
}

function contentTypeOf(path: string): string {
  return CONTENT_TYPES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream'
}

/** How the body of a file reply came about. */
export type FileOutcome = Extract<Outcome, 'hit' | 'fill' | 'join' | 'bypass'>
