import type { Digest } from '../../model/digest.ts'
import type { Sourced } from '../../model/source-package.ts'

/** A package as a snapshot lists it. */
export interface StoredPackage extends Sourced {
  readonly href: string
  readonly digest: Digest
  /** Bytes; undefined when primary does not say. */
  readonly size: number | undefined
  /** Where snapshots have several architectures: in the repositories of which of them it is this. */
  readonly arches?: readonly string[]
}

/** The packages in which two snapshots of a mirror differ, each a listed href with its bytes. */
export interface PackageDifferences {
  /** Only in the first. */
  readonly gone: readonly StoredPackage[]
  /** Only in the second. */
  readonly come: readonly StoredPackage[]
  /** In both, of those names and architectures that have something gone or come. */
  readonly kept: readonly StoredPackage[]
}
