import type { PinyonError } from '../../model/errors.ts'
import { NO_PACKAGES, type PackageCounts } from './adopt-packages.ts'

/** Packages named one by one when they are wrong. */
const MAX_NAMED = 20

/** What adopting one mirror did, or without commit would do. */
export interface AdoptReport {
  readonly mirror: string
  /** Snapshots taken in, in order. */
  readonly adopted: readonly AdoptedOld[]
  /** Snapshots that were there already, with the same content. */
  readonly present: readonly string[]
  readonly refused: readonly RefusedOld[]
  readonly packages: PackageCounts
  /** Why packages were left out: the first few. */
  readonly wrong: readonly string[]
  /** The snapshot that `latest.txt` names, when that is another one than the newest of the tree: it had been rolled back. */
  readonly rolledBackTo: string | undefined
  /** What else is odd about the tree. */
  readonly notes: readonly string[]
  /** The generation of the index that this began. */
  readonly generation: number | undefined
  /** What ended it; snapshots adopted before that stay. */
  readonly error: PinyonError | undefined
}

/** A snapshot that was taken in. */
export interface AdoptedOld {
  readonly name: string
  readonly packages: number
  /** Mistakes of its repodata, `path: message`, but for the xml:base that all of them have. */
  readonly defects: readonly string[]
}

/** A snapshot that was not. */
export interface RefusedOld {
  readonly name: string
  readonly reason: string
}

/** A report while it comes together. */
export class ReportBuilder {
  readonly adopted: AdoptedOld[] = []
  readonly present: string[] = []
  readonly refused: RefusedOld[] = []
  readonly wrong: string[] = []
  readonly notes: string[] = []
  packages: PackageCounts = NO_PACKAGES
  rolledBackTo: string | undefined
  generation: number | undefined
  readonly #mirror: string

  constructor(mirror: string) {
    this.#mirror = mirror
  }

  /** Takes down why a package was left out. */
  addWrong(reason: string): void {
    if (this.wrong.length < MAX_NAMED) this.wrong.push(reason)
  }

  /** The report as it is now. */
  finish(error?: PinyonError): AdoptReport {
    const { adopted, present, packages, wrong, rolledBackTo, notes, generation } = this
    const refused = this.refused.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    const mirror = this.#mirror
    return { mirror, adopted, present, refused, packages, wrong, rolledBackTo, notes, generation, error }
  }
}
