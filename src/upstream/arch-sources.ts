import type { MirrorUpstream } from './mirror-upstream.ts'
import type { SourceReport } from './upstream.ts'

/** The sources of a mirror of several architectures: each has its own, with paths of its own repository. */
export class ArchSources {
  /** By name. */
  readonly arches: ReadonlyMap<string, MirrorUpstream>

  constructor(arches: ReadonlyMap<string, MirrorUpstream>) {
    this.arches = arches
  }

  get baseurls(): readonly string[] {
    return [...this.arches.values()].flatMap(({ baseurls }) => baseurls)
  }

  /** How each source is, by architecture. */
  get health(): readonly SourceReport[] {
    return [...this.arches].flatMap(([arch, { health }]) => health.map((report) => ({ ...report, arch })))
  }

  /** What is wrong with what the mirror shows of itself, for people; undefined when nothing is. */
  get identityProblem(): string | undefined {
    return [...this.arches.values()].find(({ identityProblem }) => identityProblem)?.identityProblem
  }

  async close(): Promise<void> {
    await Promise.all([...this.arches.values()].map((upstream) => upstream.close()))
  }
}

/** The sources of a mirror: of its one repository, or of each of its architectures. */
export type MirrorUpstreams = MirrorUpstream | ArchSources

/** Whose file is asked for. */
export interface ArchOwner {
  /** Where its snapshot has several architectures: in the repository of which it is. */
  readonly arch: string | undefined
  /** Whether the others may have it as well, as it is for no architecture. */
  readonly isShared?: boolean
}

/**
 * Who may have a file of a mirror, the likeliest first: the sources of its architecture. What belongs to none, in a snapshot from before there were several, may be with
 * any of them; and what belongs to one, in a snapshot from when there were several, with the only one that there is now.
 */
export function upstreamsFor(
  sources: MirrorUpstreams,
  { arch, isShared = false }: ArchOwner,
): readonly MirrorUpstream[] {
  if (!(sources instanceof ArchSources)) return [sources]
  const all = [...sources.arches]
  if (arch === undefined) return all.map(([, upstream]) => upstream)
  const own = all.filter(([name]) => name === arch)
  const others = isShared ? all.filter(([name]) => name !== arch) : []
  return [...own, ...others].map(([, upstream]) => upstream)
}
