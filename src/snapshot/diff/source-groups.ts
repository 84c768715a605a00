import { formatEvr } from '../../model/nevra.ts'
import { sourceName, sourceVersion, type Sourced } from '../../model/source-package.ts'

// Packages of one source package are built, published and broken together: a new kernel is one piece of news, not twelve.

/** A package of a version. */
interface Version {
  /** `[epoch:]version-release`. */
  readonly evr: string
  /** The file name of its source package. */
  readonly source?: string | undefined
}

/** A package whose newest version is another one. */
interface Moved {
  readonly name: string
  readonly arches?: readonly string[]
  readonly from: Version
  readonly to: Version
}

/** A package that came or went. */
interface Listed extends Sourced {
  readonly href: string
  readonly digest: string
}

/** Packages of one source package to which the same happened. */
export interface SourceGroup<Item> {
  /** The source package's name; undefined where nobody said. */
  readonly source: string | undefined
  /** What the members are called together: the source, else the shortest of their names: `podman` of `podman-docker` and others. */
  readonly name: string
  /** In their order; never none. */
  readonly members: readonly [Item, ...Item[]]
}

/** Packages that went from one version to another: `[epoch:]version-release`, where theirs differ the source package's. */
export interface MovedGroup<Item> extends SourceGroup<Item> {
  readonly from: string
  readonly to: string
}

/** Packages that came, or went. */
export interface PackageGroup<Item> extends SourceGroup<Item> {
  readonly version: string
}

/**
 * Packages whose newest version is another one, by the source packages of both versions. Where snapshots do not say, those that most likely are of
 * one: from one version to the same other one, in the same architectures, with the same beginning of their names.
 */
export function groupMoved<Item extends Moved>(moved: readonly Item[]): MovedGroup<Item>[] {
  return groupBy(moved, movedKey).map((members) => ({
    ...nameGroup(members, members[0].to.source),
    from: versionOf(members.map(({ from }) => from)),
    to: versionOf(members.map(({ to }) => to)),
    members,
  }))
}

/** Packages that came, or went, by their source package; each by itself where that is not known. */
export function groupPackages<Item extends Listed>(packages: readonly Item[]): PackageGroup<Item>[] {
  const groups = groupBy(packages, ({ source, digest, href }) => source ?? `${digest}\0${href}`)
  return groups.map((members) => ({
    ...nameGroup(members, members[0].source),
    version: versionOf(members.map((one) => ({ evr: formatEvr(one), source: one.source }))),
    members,
  }))
}

function movedKey({ name, arches = [], from, to }: Moved): string {
  if (to.source === undefined) return [stemOf(name), from.evr, to.evr, ...arches].join('\0')
  return ['', to.source, from.source ?? from.evr].join('\0')
}

/** `podman` of `podman-docker`; `gcc` of `gcc-c++`. */
function stemOf(name: string): string {
  return name.split('-', 1)[0] ?? name
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): [Item, ...Item[]][] {
  const groups = new Map<string, [Item, ...Item[]]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups.values()]
}

function nameGroup(
  members: readonly { readonly name: string }[],
  source: string | undefined,
): Pick<SourceGroup<unknown>, 'source' | 'name'> {
  if (source !== undefined) return { source: sourceName(source), name: sourceName(source) }
  const names = members.map(({ name }) => name)
  return { source, name: names.reduce((shortest, one) => (one.length < shortest.length ? one : shortest)) }
}

function versionOf(versions: readonly Version[]): string {
  const [first = { evr: '' }] = versions
  if (first.source === undefined || versions.every(({ evr }) => evr === first.evr)) return first.evr
  return sourceVersion(first.source)
}
