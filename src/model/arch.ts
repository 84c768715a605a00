/** What a snapshot of several architectures has before each path: `x86_64/repodata/repomd.xml`. */
export const ARCH_NAME = /^[A-Za-z0-9][A-Za-z0-9_]{0,31}$/

/** More than any distribution has been built for at a time. */
export const MAX_ARCHES = 16

/** A path below a snapshot of several architectures. */
export interface ArchPath {
  readonly arch: string
  /** Below the architecture's repository. */
  readonly path: string
}

/** The path below a snapshot of a path below the repository of one of its architectures. */
export function joinArch(arch: string, path: string): string {
  return `${arch}/${path}`
}

/** The architecture that a path of such a snapshot begins with; undefined for one that names none of these. */
export function splitArch(path: string, arches: readonly string[]): ArchPath | undefined {
  const slash = path.indexOf('/')
  if (slash < 0) return undefined
  const arch = path.slice(0, slash)
  return arches.includes(arch) ? { arch, path: path.slice(slash + 1) } : undefined
}

/** A path as its own repository has it, whatever the snapshot's layout. */
export function withoutArch(path: string, arches: readonly string[] | undefined): string {
  return (arches && splitArch(path, arches)?.path) ?? path
}
