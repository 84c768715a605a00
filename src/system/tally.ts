import {
  METRICS,
  METRIC_NAMES,
  NO_MIRROR,
  isPerMirror,
  metricOf,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type MetricName,
} from './metric-table.ts'

/** What one process, or several together, have counted: plain numbers, to be sent from process to process. */
export interface TallySnapshot {
  /** Counters and histograms without mirrors, in the order of the table. */
  readonly counts: readonly number[]
  /** Those of each mirror, likewise. */
  readonly mirrors: Readonly<Record<string, readonly number[]>>
  /** Those of mirrors that are not told apart any more, together: sums of all mirrors have them still. */
  readonly former: readonly number[]
  /** Gauges of which processes have one each: the whole is their sum. */
  readonly levels: Readonly<Partial<Record<GaugeName, number>>>
}

/** Where the numbers of a metric stand. */
export interface Slots {
  readonly first: number
  readonly length: number
}

/** Counts one series. */
export interface BoundCounter {
  add(count?: number): void
}

/** Counts observations of one series, in the metric's unit. */
export interface BoundHistogram {
  /** @param count how often; once unless told */
  observe(value: number, count?: number): void
}

/** Counts a series of whichever mirror. */
export interface MirrorCounter {
  add(mirror: string | undefined, count?: number): void
}

/**
 * What is counted, in arrays: one addition an event, and nothing is looked up by labels but the mirror's name. Of mirrors only those are told
 * apart that are configured, so that its size has a bound.
 */
export class Tally {
  readonly #counts = new Float64Array(LAYOUT.farm)
  readonly #mirrors = new Map<string, Float64Array>()
  readonly #none = new Float64Array(LAYOUT.mirror)
  readonly #former = new Float64Array(LAYOUT.mirror)
  readonly #levels = new Map<GaugeName, () => number>()
  readonly #meters: (() => void)[] = []

  /** Makes these the mirrors that are told apart; what was counted of others is in sums only. */
  setMirrors(names: Iterable<string>): void {
    const wanted = new Set(names)
    for (const [name, counts] of this.#mirrors) {
      if (wanted.has(name)) continue
      addTo(this.#former, counts)
      this.#mirrors.delete(name)
    }
    for (const name of wanted)
      if (!this.#mirrors.has(name)) this.#mirrors.set(name, new Float64Array(LAYOUT.mirror))
  }

  /** A counter without mirrors, by its labels' values in the order of the table. */
  counter(name: CounterName, ...labels: readonly string[]): BoundCounter {
    const counts = this.#counts
    const slot = slotOf(name, labels)
    return {
      add: (count = 1) => {
        counts[slot] = (counts[slot] ?? 0) + count
      },
    }
  }

  /** A histogram, by its labels' values. */
  histogram(name: HistogramName, ...labels: readonly string[]): BoundHistogram {
    const counts = this.#counts
    const slot = slotOf(name, labels)
    const buckets = METRICS[name].buckets
    return {
      observe: (value, count = 1) => {
        let bucket = 0
        while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1
        const [at, sum] = [slot + bucket, slot + buckets.length + 1]
        counts[at] = (counts[at] ?? 0) + count
        counts[sum] = (counts[sum] ?? 0) + value * count
      },
    }
  }

  /** A counter of mirrors, by its other labels' values. One that is not configured counts as `_none`. */
  mirrorCounter(name: CounterName, ...labels: readonly string[]): MirrorCounter {
    const slot = slotOf(name, labels)
    return {
      add: (mirror, count = 1) => {
        const counts = this.#mirrors.get(mirror ?? '') ?? this.#none
        counts[slot] = (counts[slot] ?? 0) + count
      },
    }
  }

  /** A gauge of this process, read when somebody asks. */
  level(name: GaugeName, read: () => number): void {
    this.#levels.set(name, read)
  }

  /** A counter that something else keeps for this process, read when somebody asks. */
  meter(name: CounterName, read: () => number): void {
    const counter = this.counter(name)
    let last = 0
    this.#meters.push(() => {
      const value = read()
      counter.add(value - last)
      last = value
    })
  }

  /** What it came to so far. */
  snapshot(): TallySnapshot {
    for (const look of this.#meters) look()
    const mirrors = [...this.#mirrors, [NO_MIRROR, this.#none] as const]
    return {
      counts: [...this.#counts],
      mirrors: Object.fromEntries(mirrors.map(([name, counts]) => [name, [...counts]])),
      former: [...this.#former],
      levels: Object.fromEntries([...this.#levels].map(([name, read]) => [name, read()])),
    }
  }

  /**
   * Adds what another process has counted until it ended, so that no counter goes down with it. Its gauges ended with it.
   */
  absorb({ counts, mirrors, former }: TallySnapshot): void {
    addTo(this.#counts, counts)
    addTo(this.#former, former)
    for (const [name, more] of Object.entries(mirrors)) {
      const own = name === NO_MIRROR ? this.#none : this.#mirrors.get(name)
      addTo(own ?? this.#former, more)
    }
  }
}

/** What processes have counted together. Of mirrors those are told that the first one tells. */
export function addTallies(first: TallySnapshot, ...others: readonly TallySnapshot[]): TallySnapshot {
  const counts = Float64Array.from(first.counts)
  const mirrors = new Map(Object.entries(first.mirrors).map(([name, own]) => [name, Float64Array.from(own)]))
  const former = Float64Array.from(first.former)
  const levels: Partial<Record<GaugeName, number>> = { ...first.levels }
  for (const other of others) {
    addTo(counts, other.counts)
    addTo(former, other.former)
    for (const [name, more] of Object.entries(other.mirrors)) addTo(mirrors.get(name) ?? former, more)
    for (const [name, level] of Object.entries(other.levels) as [GaugeName, number][])
      levels[name] = (levels[name] ?? 0) + level
  }
  const told = [...mirrors].map(([name, own]) => [name, [...own]] as const)
  return { counts: [...counts], mirrors: Object.fromEntries(told), former: [...former], levels }
}

/** Where a metric's numbers stand, in `counts` or in those of each mirror: of each series one, of a histogram's one a bucket and the sum. */
export function slotsOf(name: MetricName): Slots {
  const slots = LAYOUT.slots.get(name)
  if (slots === undefined) throw new RangeError(`${name} is not counted`)
  return slots
}

/** How many numbers a series of a metric has. */
export function seriesWidth(name: MetricName): number {
  const { buckets } = metricOf(name)
  return buckets === undefined ? 1 : buckets.length + 2
}

/** The label values of a metric's series, mirrors apart, in the order of their numbers. */
export function seriesOf(name: MetricName): readonly (readonly string[])[] {
  const lists = Object.values(metricOf(name).labels).filter((values) => Array.isArray(values))
  return lists.reduce<readonly (readonly string[])[]>(
    (known, values) => known.flatMap((before) => values.map((value: string) => [...before, value])),
    [[]],
  )
}

/** What is made for each value of a label, by that value: bound once, found by a property later. */
export function bindEach<Label extends string, Bound>(
  labels: readonly Label[],
  bind: (label: Label) => Bound,
): Readonly<Record<Label, Bound>> {
  return Object.fromEntries(labels.map((label) => [label, bind(label)])) as Record<Label, Bound>
}

function slotOf(name: MetricName, labels: readonly string[]): number {
  const at = seriesOf(name).findIndex((values) => values.join('\n') === labels.join('\n'))
  if (at < 0) throw new RangeError(`${name} has no series: ${labels.join(', ')}`)
  return slotsOf(name).first + at * seriesWidth(name)
}

function addTo(sums: Float64Array, more: readonly number[] | Float64Array): void {
  for (const [at, count] of more.entries()) sums[at] = (sums[at] ?? 0) + count
}

/** Where everything stands, farm and mirrors apart. */
function layOut(): {
  readonly slots: ReadonlyMap<MetricName, Slots>
  readonly farm: number
  readonly mirror: number
} {
  const widths = { farm: 0, mirror: 0 }
  const slots = new Map<MetricName, Slots>()
  for (const name of METRIC_NAMES) {
    if (METRICS[name].type === 'gauge') continue
    const where = isPerMirror(name) ? 'mirror' : 'farm'
    const length = seriesOf(name).length * seriesWidth(name)
    slots.set(name, { first: widths[where], length })
    widths[where] += length
  }
  return { slots, ...widths }
}

const LAYOUT = layOut()
