import type { Digest } from '../../model/digest.ts'

/** A package that some snapshots list. */
export interface ListedPackage {
  readonly href: string
  readonly digest: Digest
  /** Bytes; undefined when no listing says. */
  readonly size: number | undefined
}

/** Some of the packages that were asked for, and how many there are in all. */
export interface PackagePage {
  readonly packages: readonly ListedPackage[]
  readonly total: number
}
