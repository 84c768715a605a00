import { digestAlgorithm } from '../../src/model/digest.ts'
import { compareEvr } from '../../src/model/evr.ts'
import { formatEvr, formatNevra } from '../../src/model/nevra.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import type { PackageChanges } from '../../src/snapshot/diff/diff.ts'
import type { StoredPackage } from '../../src/snapshot/diff/stored-package.ts'

/** A diff as lines, each list sorted: what two ways of finding it can be compared by. */
export interface DiffLines {
  readonly replaced: string[]
  readonly downgraded: string[]
  readonly upgraded: string[]
  readonly removed: string[]
  readonly added: string[]
}

/** A found diff as lines. */
export function toLines(changes: PackageChanges): DiffLines {
  return {
    replaced: [...new Set(changes.replaced.map(({ to }) => formatNevra(to)))].toSorted(),
    downgraded: formatAllMoved(changes.downgraded).toSorted(),
    upgraded: formatAllMoved(changes.upgraded).toSorted(),
    removed: changes.removed.map(formatNevra).toSorted(),
    added: changes.added.map(formatNevra).toSorted(),
  }
}

function formatAllMoved(all: PackageChanges['upgraded']): string[] {
  return all.map(({ from, to, alsoAdded, alsoRemoved }) =>
    formatMoved(from, to, alsoAdded.map(formatEvr), alsoRemoved.map(formatEvr)),
  )
}

function formatMoved(
  from: StoredPackage | PackageRecord,
  to: StoredPackage | PackageRecord,
  added: readonly string[],
  removed: readonly string[],
): string {
  const others = `+${added.toSorted().join()} -${removed.toSorted().join()}`
  return `${to.name}.${to.arch} ${formatEvr(from)} ${formatEvr(to)} ${others}`
}

type Model = readonly PackageRecord[]

/** The same from two whole lists, word by word as it is specified. Expects versions that compare as equal only when they are. */
export function diffNaively(before: Model, after: Model): DiffLines {
  const lines: DiffLines = { replaced: [], downgraded: [], upgraded: [], removed: [], added: [] }
  const nevras = [Map.groupBy(before, formatNevra), Map.groupBy(after, formatNevra)] as const
  for (const [nevra, files] of nevras[0]) {
    const others = nevras[1].get(nevra)
    if (others !== undefined && isReplaced(files, others)) lines.replaced.push(nevra)
  }
  const names = [Map.groupBy(before, nameOf), Map.groupBy(after, nameOf)] as const
  for (const name of new Set([...before, ...after].map(nameOf))) {
    const versions = names.map((byName) => uniqueVersions(byName.get(name) ?? []))
    compareVersions(versions[0] ?? [], versions[1] ?? [], lines)
  }
  for (const list of Object.values(lines) as string[][]) list.sort()
  return lines
}

function compareVersions(before: Model, after: Model, lines: DiffLines): void {
  const missingFrom = (model: Model) => (one: PackageRecord) =>
    !model.some((other) => formatNevra(other) === formatNevra(one))
  const removed = before.filter(missingFrom(after))
  const added = after.filter(missingFrom(before))
  const [from, to] = [before.toSorted(compareEvr).at(-1), after.toSorted(compareEvr).at(-1)]
  if (from === undefined || to === undefined || formatEvr(from) === formatEvr(to)) {
    lines.removed.push(...removed.map(formatNevra))
    lines.added.push(...added.map(formatNevra))
    return
  }
  const others = (all: Model, except: PackageRecord) => all.filter((one) => one !== except).map(formatEvr)
  const line = formatMoved(from, to, others(added, to), others(removed, from))
  lines[compareEvr(from, to) < 0 ? 'upgraded' : 'downgraded'].push(line)
}

function isReplaced(before: Model, after: Model): boolean {
  const algorithms = new Set([...before, ...after].map(({ checksum }) => digestAlgorithm(checksum)))
  const contents = (files: Model) =>
    new Set(files.map(({ checksum, size }) => (algorithms.size === 1 ? checksum : String(size))))
  return contents(before).symmetricDifference(contents(after)).size > 0
}

function nameOf({ name, arch }: PackageRecord): string {
  return `${name}.${arch}`
}

function uniqueVersions(files: Model): Model {
  return [...new Map(files.map((one) => [formatNevra(one), one])).values()]
}
