import type { MovedView } from '../../snapshot/diff/diff-document.ts'

/** Packages that went from one version to the same other one, and most likely are of one source package. */
export interface MoveGroup {
  /** Of the member with the shortest name: `podman` of `podman-docker` and others. */
  readonly lead: MovedView
  /** In their order, the lead among them. */
  readonly members: readonly MovedView[]
}

/**
 * Puts packages together that moved together, as those of one source package do: from the same version and release to the same ones, with the
 * same beginning of their names. Which source a package is of no snapshot remembers; what differs in any of that stands by itself.
 */
export function groupMoves(moved: readonly MovedView[]): MoveGroup[] {
  const groups = new Map<string, MovedView[]>()
  for (const one of moved) {
    const key = [stemOf(one.name), one.from.evr, one.to.evr, ...(one.arches ?? [])].join('\0')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return [...groups.values()].map((members) => ({
    lead: members.reduce((lead, one) => (one.name.length < lead.name.length ? one : lead)),
    members,
  }))
}

/** `podman` of `podman-docker`; `gcc` of `gcc-c++`. */
function stemOf(name: string): string {
  return name.split('-', 1)[0] ?? name
}
