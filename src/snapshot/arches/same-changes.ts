import type { MovedPackage, PackageChanges } from '../diff/diff.ts'
import type { StoredPackage } from '../diff/stored-package.ts'
import type { Replaced } from '../replaced.ts'

// Architectures are compared with themselves, and then what happened alike in several of them, as it does to packages without an architecture, is
// told once.

/** The same changes, each of them once. */
export function mergeArches(changes: PackageChanges): PackageChanges {
  return {
    replaced: mergePairs(changes.replaced, ({ from, to }) => [from, to]),
    downgraded: mergePairs(changes.downgraded, partsOf),
    upgraded: mergePairs(changes.upgraded, partsOf),
    removed: mergeBy(changes.removed, identify, withArches),
    added: mergeBy(changes.added, identify, withArches),
  }
}

function partsOf({ from, to, alsoAdded, alsoRemoved }: MovedPackage): readonly StoredPackage[] {
  return [from, to, ...alsoAdded, ...alsoRemoved]
}

function mergePairs<T extends Replaced<StoredPackage>>(
  all: readonly T[],
  parts: (one: T) => readonly StoredPackage[],
): T[] {
  const join = (one: T, others: readonly T[]): T => ({
    ...one,
    from: withArches(
      one.from,
      others.map(({ from }) => from),
    ),
    to: withArches(
      one.to,
      others.map(({ to }) => to),
    ),
  })
  return mergeBy(all, (one) => parts(one).map(identify).join('\n'), join)
}

function mergeBy<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
  join: (one: T, others: readonly T[]) => T,
): T[] {
  return [...Map.groupBy(all, keyOf).values()].flatMap(([one, ...others]) =>
    one === undefined ? [] : [others.length === 0 ? one : join(one, others)],
  )
}

function identify({ name, epoch, version, release, arch, digest }: StoredPackage): string {
  return JSON.stringify([name, epoch, version, release, arch, digest])
}

function withArches(one: StoredPackage, others: readonly StoredPackage[]): StoredPackage {
  const arches = [one, ...others].flatMap((each) => each.arches ?? [])
  return { ...one, arches: [...new Set(arches)].toSorted() }
}
