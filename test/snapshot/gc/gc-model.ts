import type { GcRequest } from '../../../src/snapshot/gc/gc-context.ts'

/** A snapshot as the model knows it. */
export interface ModelSnapshot {
  readonly mirror: string
  readonly name: string
  readonly createdAt: number
  /** By href, the content. */
  readonly packages: ReadonlyMap<string, string>
  retired: boolean
  usedAt: number | undefined
}

/** A view as the model knows it: what it froze, and until when. */
export interface ModelView {
  readonly held: ReadonlySet<ModelSnapshot>
  endsAt: number
}

/**
 * What a farm should look like, told in plain maps: no spans of generations, no sequence numbers, no SQL. Times are of one clock.
 */
export class FarmModel {
  readonly snapshots: ModelSnapshot[] = []
  readonly pins = new Map<string, ModelSnapshot>()
  readonly configured = new Set<string>()
  readonly removedAt = new Map<string, number>()
  readonly failing = new Set<string>()
  readonly views = new Map<string, ModelView>()
  /** The index after each of its changes: mirror → snapshot. */
  readonly generations: ReadonlyMap<string, ModelSnapshot>[] = []

  /** Newest first. */
  live(mirror: string): ModelSnapshot[] {
    return this.snapshots.filter((one) => one.mirror === mirror && !one.retired).toReversed()
  }

  get mirrors(): string[] {
    return [...new Set(this.snapshots.map(({ mirror }) => mirror))]
  }

  current(): Map<string, ModelSnapshot> {
    const entries = [...this.configured].flatMap((mirror) => {
      const found = this.pins.get(mirror) ?? this.live(mirror)[0]
      return found === undefined ? [] : [[mirror, found] as const]
    })
    return new Map(entries)
  }

  /** Takes note of the index, where it is another one than before. */
  noteIndex(): void {
    const now = this.current()
    const before = this.generations.at(-1) ?? new Map<string, ModelSnapshot>()
    const same = now.size === before.size && [...now].every(([mirror, one]) => before.get(mirror) === one)
    if (!same) this.generations.push(now)
  }

  /** Whether the rules let a snapshot go. */
  mayGo(one: ModelSnapshot, { rules, nowMs }: Pick<GcRequest, 'rules' | 'nowMs'>): boolean {
    const live = this.live(one.mirror)
    const removedAt = this.removedAt.get(one.mirror)
    const isGone = removedAt !== undefined && nowMs - removedAt > rules.removedMs
    if (this.current().get(one.mirror) === one || this.pins.get(one.mirror) === one) return false
    if ([...this.views.values()].some(({ held, endsAt }) => endsAt > nowMs && held.has(one))) return false
    const recent = this.generations.slice(-1 - rules.graceGenerations)
    if (recent.some((index) => index.get(one.mirror) === one)) return false
    if (one.usedAt !== undefined && nowMs - one.usedAt <= rules.keepUsedMs) return false
    if (isGone) return true
    const last = this.generations.findLast((index) => index.has(one.mirror))
    if (!this.configured.has(one.mirror) && last?.get(one.mirror) === one) return false
    if (live[0] === one) return false
    return nowMs - one.createdAt > rules.maxAgeMs || live.indexOf(one) >= rules.keep
  }

  /** `<href> <content>` of every package that some live snapshot lists. */
  listed(): Set<string> {
    const live = this.snapshots.filter(({ retired }) => !retired)
    return new Set(
      live.flatMap(({ packages }) => [...packages].map(([href, content]) => `${href} ${content}`)),
    )
  }

  /** Those of {@link listed} that upstream has, as far as is known. */
  fetchable(): Set<string> {
    const followed = [...this.configured].filter((mirror) => !this.failing.has(mirror))
    const newest = followed.flatMap((mirror) => this.live(mirror).slice(0, 1))
    return new Set(
      newest.flatMap(({ packages }) => [...packages].map(([href, content]) => `${href} ${content}`)),
    )
  }
}
