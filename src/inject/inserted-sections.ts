import type { InsertedMirror, MirrorMap } from './mirror-map.ts'

/** What `before:` directives make of a configuration. */
export interface InsertedSections {
  /** New sections by the id of the present one they are put before, in order. */
  readonly before: ReadonlyMap<string, readonly InsertedMirror[]>
  /** URLs of sections that are there already. */
  readonly present: ReadonlyMap<string, string>
}

/**
 * Carries out `before:` directives. A section that is there already stays at its place, since only its keys matter to yum and dnf. What is
 * inserted may have directives of its own, so that injecting twice is injecting once; of several URLs for one id that of the last directive
 * in the map counts.
 *
 * @param ids of the configuration's sections, in order
 * @param isAllowed whether a section of this id may be touched at all
 */
export function planInsertedSections(
  ids: readonly string[],
  map: MirrorMap,
  isAllowed: (id: string) => boolean,
): InsertedSections {
  const known = new Set(ids)
  const children = new Map<string, string[]>()
  // Grows while it is gone through.
  const queue = [...ids]
  for (const anchor of queue)
    for (const { id } of map.before.get(anchor) ?? []) {
      if (known.has(id) || !isAllowed(id)) continue
      known.add(id)
      queue.push(id)
      const siblings = children.get(anchor)
      if (siblings === undefined) children.set(anchor, [id])
      else siblings.push(id)
    }
  const urls = new Map<string, string>()
  for (const [anchor, mirrors] of map.before)
    if (known.has(anchor)) for (const { id, url } of mirrors) if (isAllowed(id)) urls.set(id, url)
  const before = new Map<string, InsertedMirror[]>()
  for (const id of ids) {
    if (!children.has(id) || before.has(id)) continue
    before.set(
      id,
      listDescendants(id, children).map((id) => ({ id, url: urls.get(id) ?? '' })),
    )
  }
  const present = new Set(ids)
  return { before, present: new Map([...urls].filter(([id]) => present.has(id))) }
}

/** All that is to be put before an id, each right before what asked for it. */
function listDescendants(root: string, children: ReadonlyMap<string, readonly string[]>): string[] {
  const reversed: string[] = []
  const stack = [...(children.get(root) ?? [])]
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    reversed.push(id)
    for (const child of children.get(id) ?? []) stack.push(child)
  }
  return reversed.toReversed()
}
