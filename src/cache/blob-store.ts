import type { Digest } from '../model/digest.ts'

/** Bytes that can be read at any position. */
export interface ReadableBytes {
  /**
   * Reads into `target` from `position` on; resolves with the number of bytes read, at least 1 unless position is at the end.
   */
  read(target: Uint8Array, position: number): Promise<number>
}

/** An open, complete blob. */
export interface Blob extends ReadableBytes {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** Must be called once by whoever opened it. */
  close(): void
}

/** A blob being written. Not visible under its digest until {@link publish}. */
export interface BlobWriter extends ReadableBytes {
  /** Bytes written so far, all of them readable. */
  readonly written: number
  /** Opens the bytes written so far from another process: {@link BlobStore.openPartial}. */
  readonly location: string
  /** Appends. One call at a time, of this or {@link append}. */
  write(bytes: Uint8Array): Promise<void>
  /**
   * Appends what stays as it is until it is written: soon, and together with what is appended meanwhile. Resolves when more may come; that it
   * could not be written is told by a later call.
   */
  append(bytes: Uint8Array): Promise<void>
  /**
   * Compares what was written with the digest (and the size, when one is known); what is still on its way into the file counts.
   * @throws PinyonError DIGEST_MISMATCH, UPSTREAM_SHORT or UPSTREAM_OVERSIZE
   */
  verify(): void
  /** Makes the verified bytes durable and then visible under their digest. */
  publish(): Promise<void>
  /** Ends writing. What was not published is removed; reading goes on until {@link close}. */
  discard(): Promise<void>
  /** Ends reading as well. */
  close(): Promise<void>
}

/** What a writer will be held against. */
export interface ExpectedBlob {
  readonly digest: Digest
  /** Bytes, when the listing says; more are refused as soon as they come. */
  readonly size?: number | undefined
  /** Whether a snapshot cannot be without it, so that it is stored even where the cache is full. */
  readonly essential?: boolean
}

/** The bytes another process is writing. */
export interface PartialBlob extends ReadableBytes {
  /** Bytes there are by now. */
  written(): Promise<number>
  close(): Promise<void>
}

/**
 * Where bytes stay: the second of the two storage seams. Absence is undefined; trouble is an exception.
 * The embedded store keeps files on the local disk; test/contract/blob-store.ts is the contract of any other.
 */
export interface BlobStore {
  /** Opens a complete blob; undefined when there is none under this digest. */
  open(digest: Digest): Promise<Blob | undefined>
  /** Whether there is surely none, for whoever has just looked for it: said at once, or not at all (false). */
  lacks?(digest: Digest): boolean
  /**
   * Begins to write one.
   * @param onRoom told, once or twice, as soon as it is as good as sure that there is room for it, while its file is being made; a store may leave
   * that out
   * @param location where, as {@link nextLocation} gave it; nobody else has it
   * @throws PinyonError CACHE_FULL when there is no room for it, NO_SPACE
   */
  create(expected: ExpectedBlob, onRoom?: () => void, location?: string): Promise<BlobWriter>
  /** The {@link BlobWriter.location} that a blob may be given that is begun later; a store may have none before. */
  nextLocation?(): string
  /** Notes that a blob is needed, so that it does not go as a left-over, and gives its size; undefined when there is none. */
  keep(digest: Digest): Promise<number | undefined>
  /** Opens what a {@link BlobWriter} of another process has written; undefined when that is gone. */
  openPartial(location: string): Promise<PartialBlob | undefined>
  /** Removes a blob; true when there was one. Readers that have it open read on. */
  remove(digest: Digest): Promise<boolean>
}
