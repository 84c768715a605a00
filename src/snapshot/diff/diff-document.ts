import type { Digest } from '../../model/digest.ts'
import { formatEvr, formatNevra } from '../../model/nevra.ts'
import type { MovedPackage } from './diff.ts'
import type { Replaced } from '../replaced.ts'
import { groupMoved, groupPackages, type SourceGroup } from './source-groups.ts'
import type { SnapshotDiff } from './snapshot-diff.ts'
import type { StoredPackage } from './stored-package.ts'

// A diff in the API's words. It is written where it is found, in a thread: of a whole rebuilt distribution it has tens of megabytes.

/** A package that came or went. */
export interface PackageView {
  readonly nevra: string
  readonly name: string
  readonly epoch: string
  readonly version: string
  readonly release: string
  readonly arch: string
  readonly href: string
  readonly digest: Digest
  /** Bytes; null when primary does not say. */
  readonly size: number | null
  /** The file name of its source package; absent where the snapshot does not say. */
  readonly source?: string
  /** Of a mirror of several architectures: in the repositories of which of them. */
  readonly arches?: readonly string[]
}

/** A version of a package whose name and architecture stand beside it. */
export interface VersionView {
  /** `[epoch:]version-release`. */
  readonly evr: string
  readonly epoch: string
  readonly version: string
  readonly release: string
  readonly href: string
  /** As of a package. */
  readonly source?: string
}

/** A package whose newest version is another one. */
export interface MovedView {
  readonly name: string
  readonly arch: string
  readonly from: VersionView
  readonly to: VersionView
  /** As of a package. */
  readonly arches?: readonly string[]
  /** Other versions that came or went with it; absent when there is none. */
  readonly also_added?: readonly string[]
  readonly also_removed?: readonly string[]
}

/** The bytes of a package that was replaced in place. */
export interface BytesView {
  readonly href: string
  readonly digest: Digest
  readonly size: number | null
}

/** A package with the same name, version and architecture, and other bytes. */
export interface ReplacedView extends Omit<PackageView, 'digest' | 'size'> {
  readonly from: BytesView
  readonly to: BytesView
}

/** An advisory that is new. Null for what updateinfo.xml does not say. */
export interface AdvisoryView {
  readonly id: string
  readonly type: string | null
  readonly severity: string | null
  readonly title: string | null
  readonly issued: string | null
  readonly cves: readonly string[]
}

/** Packages of one source package to which the same happened. */
export interface SourceView {
  /** The source package's name. */
  readonly source: string
  readonly change: 'downgraded' | 'removed' | 'upgraded' | 'added'
  /** `[epoch:]version-release` of its packages, where theirs differ its own; null on one side of what came or went. */
  readonly from: string | null
  readonly to: string | null
  /** `name.arch` of each. */
  readonly packages: readonly string[]
}

/** How long each list is. */
export interface DiffSummary {
  readonly replaced: number
  readonly downgraded: number
  readonly removed: number
  readonly upgraded: number
  readonly added: number
  readonly advisories: number
}

/** `GET /api/v1/mirrors/<m>/diff`. */
export interface DiffView {
  readonly mirror: string
  readonly from: string
  readonly to: string
  readonly summary: DiffSummary
  readonly replaced: readonly ReplacedView[]
  readonly downgraded: readonly MovedView[]
  readonly removed: readonly PackageView[]
  readonly upgraded: readonly MovedView[]
  readonly added: readonly PackageView[]
  /** All but what was replaced once more, by source package, where snapshots name it. */
  readonly sources: readonly SourceView[]
  readonly advisories: readonly AdvisoryView[]
  /** Why advisories could not be told. */
  readonly advisories_error: string | null
  /** Types of other repodata files that differ. */
  readonly metadata: readonly string[]
}

/** A diff as the API shows it. */
export function toDiffView(diff: SnapshotDiff): DiffView {
  const { mirror, from, to, replaced, downgraded, removed, upgraded, added, advisories, metadata } = diff
  const summary = {
    replaced: replaced.length,
    downgraded: downgraded.length,
    removed: removed.length,
    upgraded: upgraded.length,
    added: added.length,
    advisories: advisories.length,
  }
  const view: DiffView = {
    mirror,
    from,
    to,
    summary,
    replaced: replaced.map(toReplacedView),
    downgraded: downgraded.map(toMovedView),
    removed: removed.map(toPackageView),
    upgraded: upgraded.map(toMovedView),
    added: added.map(toPackageView),
    sources: [],
    advisories: advisories.map(({ id, type = null, severity = null, title = null, issued = null, cves }) => ({
      id,
      type,
      severity,
      title,
      issued,
      cves,
    })),
    advisories_error: diff.advisoriesError ?? null,
    metadata,
  }
  return { ...view, sources: toSourceViews(view) }
}

function toSourceViews({ downgraded, removed, upgraded, added }: DiffView): SourceView[] {
  return [
    ...groupMoved(downgraded).flatMap((group) => toSourceView('downgraded', group, group.from, group.to)),
    ...groupPackages(removed).flatMap((group) => toSourceView('removed', group, group.version, null)),
    ...groupMoved(upgraded).flatMap((group) => toSourceView('upgraded', group, group.from, group.to)),
    ...groupPackages(added).flatMap((group) => toSourceView('added', group, null, group.version)),
  ]
}

function toSourceView(
  change: SourceView['change'],
  { source, members }: SourceGroup<MovedView | PackageView>,
  from: string | null,
  to: string | null,
): SourceView[] {
  if (source === undefined) return []
  return [{ source, change, from, to, packages: members.map(({ name, arch }) => `${name}.${arch}`) }]
}

/** Items of a list that a page shows. */
const EXCERPT_ITEMS = 200

/** The beginning of each list; the summary tells how long they are. */
export function excerptOf(view: DiffView): DiffView {
  const { replaced, downgraded, removed, upgraded, added, sources, advisories } = view
  return {
    ...view,
    replaced: replaced.slice(0, EXCERPT_ITEMS),
    downgraded: downgraded.slice(0, EXCERPT_ITEMS),
    removed: removed.slice(0, EXCERPT_ITEMS),
    upgraded: upgraded.slice(0, EXCERPT_ITEMS),
    added: added.slice(0, EXCERPT_ITEMS),
    sources: sources
      .slice(0, EXCERPT_ITEMS)
      .map((one) => ({ ...one, packages: one.packages.slice(0, EXCERPT_ITEMS) })),
    advisories: advisories.slice(0, EXCERPT_ITEMS).map((one) => ({ ...one, cves: one.cves.slice(0, 20) })),
  }
}

function toPackageView(one: StoredPackage): PackageView {
  const { name, epoch, version, release, arch, href, digest, size = null } = one
  const nevra = formatNevra(one)
  return {
    nevra,
    name,
    epoch,
    version,
    release,
    arch,
    href,
    digest,
    size,
    ...sourceOf(one),
    ...archesOf(one),
  }
}

function sourceOf({ source }: StoredPackage): { readonly source?: string } {
  return source === undefined ? {} : { source }
}

function archesOf({ arches }: StoredPackage): { readonly arches?: readonly string[] } {
  return arches === undefined ? {} : { arches }
}

function toReplacedView({ from, to }: Replaced<StoredPackage>): ReplacedView {
  const { digest: _, size: __, ...names } = toPackageView(to)
  return { ...names, from: toBytesView(from), to: toBytesView(to) }
}

function toBytesView({ href, digest, size }: StoredPackage): BytesView {
  return { href, digest, size: size ?? null }
}

function toMovedView({ from, to, alsoAdded, alsoRemoved }: MovedPackage): MovedView {
  return {
    name: to.name,
    arch: to.arch,
    from: toVersionView(from),
    to: toVersionView(to),
    ...archesOf(to),
    ...(alsoAdded.length === 0 ? {} : { also_added: alsoAdded.map(formatEvr) }),
    ...(alsoRemoved.length === 0 ? {} : { also_removed: alsoRemoved.map(formatEvr) }),
  }
}

function toVersionView(one: StoredPackage): VersionView {
  const { epoch, version, release, href } = one
  return { evr: formatEvr(one), epoch, version, release, href, ...sourceOf(one) }
}
