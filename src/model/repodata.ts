import type { Digest } from './digest.ts'

/** One `<data>` element of repomd.xml: a file of the repository's metadata. */
export interface RepomdRecord {
  /** `type` attribute: primary, filelists, group, modules, primary_db … */
  readonly type: string
  /** Where the file is, relative to the repository's root, as {@link normalizeHref} gives it. */
  readonly href: string
  /** Of the file as it is transferred. */
  readonly checksum: Digest
  /** Of the file uncompressed; absent in old repositories and for files that are not compressed. */
  readonly openChecksum?: Digest
  /** Bytes, as stated; real repositories state wrong ones. */
  readonly size?: number
  readonly openSize?: number
}

/** What pinyon reads of a repomd.xml. */
export interface Repomd {
  readonly records: readonly RepomdRecord[]
  /** `<revision>` as written, if any. */
  readonly revision?: string
  /** The newest `<timestamp>` of a record, in seconds since the epoch, if any says one. */
  readonly newestTimestamp?: number
  /** Content, distro and repo `<tags>` in document order, as `kind[ cpeid]=text`. */
  readonly tags: readonly string[]
}

/** What pinyon reads of one `<package>` of primary.xml. */
export interface PackageRecord {
  /** As {@link normalizePackageHref} gives it: never percent-decoded, since dnf takes a `%` in an href literally. */
  readonly href: string
  readonly checksum: Digest
  /** `<size package=…>` in bytes; absent when primary does not say. */
  readonly size?: number
  readonly name: string
  /** `0` when primary gives none. */
  readonly epoch: string
  readonly version: string
  readonly release: string
  readonly arch: string
  /** The file name of its source package: `<rpm:sourcerpm>`, where that is one. */
  readonly source?: string
  /** `xml:base` of the location, when it has one: clients go there and not to us. */
  readonly base?: string
}

/** A file beside the packages whose checksum the metadata tell: a delta rpm, or what a .treeinfo lists. */
export interface ExtraFile {
  /** As {@link normalizeHref} gives it. */
  readonly path: string
  readonly digest: Digest
  /** Bytes; absent where only the checksum is told. */
  readonly size?: number
  /** The path of the file that tells it, in its repository; absent where that was not noted. */
  readonly statedBy?: string
}
