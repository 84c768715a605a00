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

/**
 * Who may have a file of a mirror: the sources of its architecture. What belongs to none, in a snapshot from before there were several, may be with
 * any of them; and what belongs to one, in a snapshot from when there were several, with the only one that there is now.
 */
export function upstreamsFor(sources: MirrorUpstreams, arch: string | undefined): readonly MirrorUpstream[] {
  if (!(sources instanceof ArchSources)) return [sources]
  if (arch === undefined) return [...sources.arches.values()]
  const own = sources.arches.get(arch)
  return own === undefined ? [] : [own]
}
