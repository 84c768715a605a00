import { PinyonError } from '../../model/errors.ts'

/** Some snapshots in order: the numbers and names of the first and the last. */
export interface SnapshotSpan {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly firstName: string
  readonly lastName: string
}

/** Where adopted snapshots go in a mirror's order. */
export interface AdoptionPlace {
  readonly side: 'before' | 'after'
  /** To be added to the numbers of the adopted ones, which begin with 1. Numbers below 1 are as good as any. */
  readonly offset: number
  /** The number of the mirror's own snapshot next to them; 0 when there is none. */
  readonly seam: number
}

/**
 * The place of adopted snapshots beside those of the mirror. A package's row is a span of numbers, and running servers remember numbers, so
 * nothing can be put between two snapshots that are there.
 * @throws PinyonError ADOPTION_REFUSED when they are neither all older nor all newer
 */
export function placeAdoption(adopted: SnapshotSpan, own: SnapshotSpan | undefined): AdoptionPlace {
  if (own === undefined) return { side: 'after', offset: 0, seam: 0 }
  if (adopted.firstName > own.lastName) return { side: 'after', offset: own.lastSeq, seam: own.lastSeq }
  if (adopted.lastName < own.firstName)
    return { side: 'before', offset: own.firstSeq - 1 - adopted.lastSeq, seam: own.firstSeq }
  const found = `${own.firstName} to ${own.lastName}`
  throw new PinyonError(
    'ADOPTION_REFUSED',
    `${adopted.firstName} to ${adopted.lastName} lie among the snapshots that are there: ${found}`,
  )
}

/** What is to become of the dated directories of an old mirror, by name. */
export interface AdoptionPlan {
  /** A snapshot of this name is there. */
  readonly present: readonly string[]
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** Between two snapshots that are there: they cannot be adopted. */
  readonly between: readonly string[]
}

/** Sorts the names of old snapshots by their place beside the mirror's own names, each in order. */
export function planAdoption(old: readonly string[], own: readonly string[]): AdoptionPlan {
  const names = old.toSorted()
  const there = new Set(own)
  const [first, last] = [own.toSorted()[0], own.toSorted().at(-1)]
  const others = names.filter((name) => !there.has(name))
  return {
    present: names.filter((name) => there.has(name)),
    before: others.filter((name) => first !== undefined && name < first),
    after: others.filter((name) => last === undefined || name > last),
    between: others.filter(
      (name) => first !== undefined && last !== undefined && name > first && name < last,
    ),
  }
}
