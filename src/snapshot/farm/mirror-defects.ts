/** A mistake of upstream's as it is told; kinds are those of a snapshot's defects. */
export interface ToldDefect {
  readonly path: string
  readonly kind: string
  readonly message: string
}

/** What upstream has wrong in a mirror's current snapshot and was published as it is, but for packages that were replaced and `extra_files`. */
export interface MirrorDefects {
  readonly count: number
  /** How many of them are files that are listed, and answered 404. */
  readonly missing: number
  /** Some of them, the missing ones first. */
  readonly first: readonly ToldDefect[]
}

/** Of a mirror that has none. */
export const NO_DEFECTS: MirrorDefects = { count: 0, missing: 0, first: [] }

/** Kinds that are told of elsewhere, as they are no mistakes of upstream's metadata. */
const OTHERS: ReadonlySet<string> = new Set(['replaced', 'extra'])
/** As many as are named. */
const MAX_FIRST = 5

/** Sums up the defects of one snapshot. */
export function sumDefects(all: readonly ToldDefect[]): MirrorDefects {
  const counted = all.filter(({ kind }) => !OTHERS.has(kind))
  const isMissing = ({ kind }: ToldDefect) => kind === 'missing'
  const missing = counted.filter(isMissing)
  const others = counted.filter((one) => !isMissing(one))
  return {
    count: counted.length,
    missing: missing.length,
    first: [...missing, ...others].slice(0, MAX_FIRST),
  }
}

/** Sums up rows of defects, by mirror. */
export function sumByMirror(
  rows: readonly (ToldDefect & { readonly mirror: string })[],
): ReadonlyMap<string, MirrorDefects> {
  const groups = Map.groupBy(rows, ({ mirror }) => mirror)
  const sums = [...groups].map(([mirror, own]) => {
    const defects = own.map(({ path, kind, message }) => ({ path, kind, message }))
    return [mirror, sumDefects(defects)] as const
  })
  return new Map(sums)
}
