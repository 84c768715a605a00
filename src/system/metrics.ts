import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Metric as PromMetric, Registry } from 'prom-client'

import {
  METRICS,
  METRIC_NAMES,
  fullName,
  isPerMirror,
  metricOf,
  type CounterName,
  type GaugeName,
  type MetricName,
} from './metric-table.ts'
import { seriesOf, seriesWidth, slotsOf, type TallySnapshot } from './tally.ts'

/** A value that is looked up rather than counted: of a gauge, or of a counter that is kept elsewhere. */
export interface Reading {
  readonly name: GaugeName | CounterName
  /** In the order of the table, the mirror's among them. */
  readonly labels: readonly string[]
  readonly value: number
}

/** What figures are made from when somebody asks. */
export interface MetricSources {
  /** What all processes have counted. */
  readonly tally: () => TallySnapshot | Promise<TallySnapshot>
  /** Everything else; whoever gives it lets others have their turns. */
  readonly readings: () => Promise<readonly Reading[]>
  /** Whether mirrors are told apart. */
  readonly isPerMirror: () => boolean
}

/** A line of a metric. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Of a histogram, whose lines have names of their own. */
  readonly metricName?: string
}

/** Content-Type of {@link Metrics.text}: that of Prometheus' text format. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Lines are made for so long before others have a turn, in milliseconds. */
const TURN_MS = 4

/** The figures for Prometheus: filled in anew for every scrape, so that counting costs no more than an addition. */
export class Metrics {
  #registry: Promise<Registry> | undefined
  readonly #sources: MetricSources
  readonly #samples = new Map<MetricName, readonly Sample[]>()
  #running: Promise<string> | undefined

  constructor(sources: MetricSources) {
    this.#sources = sources
  }

  /** All figures, in Prometheus' text format. Who asks while it is being made gets the same. */
  async text(): Promise<string> {
    this.#running ??= this.#write().finally(() => (this.#running = undefined))
    return await this.#running
  }

  async #write(): Promise<string> {
    const registry = await (this.#registry ??= this.#open())
    const tally = await this.#sources.tally()
    const readings = Map.groupBy<MetricName, Reading>(await this.#sources.readings(), ({ name }) => name)
    const isTold = this.#sources.isPerMirror()
    const texts: string[] = []
    let turnEndsAt = performance.now() + TURN_MS
    for (const name of METRIC_NAMES) {
      const samples = isCounted(name)
        ? counted(name, tally, isTold)
        : read(name, readings.get(name) ?? [], tally, isTold)
      if (samples.length === 0) continue
      this.#samples.set(name, samples)
      texts.push(await registry.getSingleMetricAsString(fullName(name)))
      this.#samples.delete(name)
      if (performance.now() < turnEndsAt) continue
      await nextTurn()
      turnEndsAt = performance.now() + TURN_MS
    }
    return `${texts.join('\n')}\n`
  }

  /** Only for whoever asks: prom-client loads a hundred modules, tracing among them. */
  async #open(): Promise<Registry> {
    const { Registry } = await import('prom-client')
    const registry = new Registry()
    for (const name of METRIC_NAMES) registry.registerMetric(this.#create(name))
    return registry
  }

  /** A metric as the registry takes it from another process: its values whole, rather than counted there by labels. */
  #create(name: MetricName): PromMetric {
    const { help, type } = metricOf(name)
    const get = () => ({ name: fullName(name), help, type, values: this.#samples.get(name) ?? [] })
    return { name: fullName(name), help, type, get } as unknown as PromMetric
  }
}

/** The database tells, for all processes. */
const READ_COUNTER = 'generation_changes_total'

function isCounted(name: MetricName): boolean {
  return METRICS[name].type !== 'gauge' && name !== READ_COUNTER
}

function counted(name: MetricName, tally: TallySnapshot, isTold: boolean): Sample[] {
  const values = (counts: readonly number[]) => {
    const { first, length } = slotsOf(name)
    return counts.slice(first, first + length)
  }
  const lines = (counts: readonly number[], mirror?: string) => {
    const width = seriesWidth(name)
    return seriesOf(name).flatMap((labels, at) =>
      toSamples(
        name,
        toLabels(name, mirror === undefined ? labels : [mirror, ...labels], mirror !== undefined),
        counts.slice(at * width, (at + 1) * width),
      ),
    )
  }
  if (!isPerMirror(name)) return lines(values(tally.counts))
  const mirrors = Object.entries(tally.mirrors)
  if (isTold) return mirrors.flatMap(([mirror, counts]) => lines(values(counts), mirror))
  // Sums must not go down when a mirror goes.
  const all = [...mirrors.map(([, counts]) => counts), tally.former].map(values)
  return lines(Array.from({ length: slotsOf(name).length }, (_, at) => sum(all.map((one) => one[at] ?? 0))))
}

function read(
  name: MetricName,
  readings: readonly Reading[],
  { levels }: TallySnapshot,
  isTold: boolean,
): Sample[] {
  const level = (levels as Partial<Record<MetricName, number>>)[name]
  if (level !== undefined) return [{ labels: {}, value: level }]
  if (isTold || !isPerMirror(name))
    return readings.map(({ labels, value }) => ({ labels: toLabels(name, labels, true), value }))
  const { ofAll } = metricOf(name)
  const join = ofAll === 'least' ? Math.min : ofAll === 'most' ? Math.max : undefined
  const groups = Map.groupBy(readings, ({ labels }) => labels.slice(1).join('\n'))
  return [...groups.values()].map((group) => {
    const values = group.map(({ value }) => value)
    const value = join === undefined ? sum(values) : values.reduce((a, b) => join(a, b))
    return { labels: toLabels(name, group[0]?.labels.slice(1) ?? [], false), value }
  })
}

/** A series' lines: one, or a histogram's. */
function toSamples(name: MetricName, labels: Sample['labels'], counts: readonly number[]): Sample[] {
  const { buckets } = metricOf(name)
  if (buckets === undefined) return [{ labels, value: counts[0] ?? 0 }]
  const full = fullName(name)
  let total = 0
  const lines: Sample[] = [...buckets, Infinity].map((end, at) => {
    total += counts[at] ?? 0
    const le = end === Infinity ? '+Inf' : String(end)
    return { labels: { ...labels, le }, value: total, metricName: `${full}_bucket` }
  })
  lines.push({ labels, value: counts[buckets.length + 1] ?? 0, metricName: `${full}_sum` })
  lines.push({ labels, value: total, metricName: `${full}_count` })
  return lines
}

/** @param isWhole whether the mirror is among them */
function toLabels(name: MetricName, values: readonly string[], isWhole: boolean): Sample['labels'] {
  const names = Object.keys(METRICS[name].labels).filter((label) => isWhole || label !== 'mirror')
  return Object.fromEntries(names.map((label, at) => [label, values[at] ?? '']))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
