import { Counter, Gauge, Registry } from 'prom-client'

/** What gauges are read from when somebody asks. */
export interface MetricSources {
  /** Bytes and blobs stored, the most that may be, and what is set aside for blobs being written. */
  readonly cache: () => {
    readonly count: number
    readonly bytes: number
    readonly maxBytes: number
    readonly reservedBytes: number
    /** Bytes that may not be evicted; undefined before the first collection. */
    readonly protectedBytes: number | undefined
  }
  /** The sources of every configured mirror, and how they have answered. */
  readonly sources: () => readonly {
    readonly mirror: string
    /** Its base URL, without credentials. */
    readonly source: string
    readonly isDown: boolean
    /** Since it last gave a whole answer. */
    readonly failures: number
  }[]
  readonly generation: () => Promise<number>
  /** Of each mirror: packages that upstream has dropped and snapshots list, and those of the current snapshot. */
  readonly packages: () => Promise<readonly MirrorPackages[]>
  readonly views: () => Promise<number>
  /** Processes that serve, and how many of them died and were replaced. */
  readonly workers: () => { readonly serving: number; readonly restarts: number }
}

/** How many packages of a mirror are where. */
export interface MirrorPackages {
  readonly mirror: string
  readonly atRisk: number
  readonly atRiskBytes: number
  readonly lost: number
  /** Of the current snapshot; undefined before it was counted. */
  readonly cached: number | undefined
  readonly onDemand: number | undefined
}

/** The process's figures for Prometheus, each in its text format's terms. Labels come from closed lists only. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #beforeReading: (() => Promise<void>)[] = []
  readonly #configOk: Gauge
  readonly #reloads: Counter<'result'>
  readonly #lastReload: Gauge
  readonly #bypasses: Counter
  readonly #evictions: Counter<'reason'>
  readonly #evictedBytes: Counter<'reason'>
  readonly #lastCollection: Gauge

  /** @param version of this program */
  constructor(version: string, sources: MetricSources) {
    this.#configOk = this.#gauge('config_ok', 'Whether the configuration on disk is the running one')
    this.#configOk.set(1)
    this.#reloads = this.#counter('config_reloads_total', 'Attempts to take up the configuration', ['result'])
    this.#lastReload = this.#gauge(
      'config_last_reload_timestamp_seconds',
      'When the running configuration was taken up',
    )
    this.#bypasses = this.#counter('bypass_total', 'Packages passed through because they could not be kept')
    this.#evictions = this.#counter('evictions_total', 'Blobs removed', ['reason'])
    this.#evictedBytes = this.#counter('evicted_bytes_total', 'Bytes of blobs removed', ['reason'])
    this.#lastCollection = this.#gauge(
      'gc_last_success_timestamp_seconds',
      'When what is not needed was collected last',
    )
    this.#readCache(sources)
    this.#readSources(sources)
    this.#readWorkers(sources)
    this.#readPackages(sources)
    this.#read('views', 'Live views', sources.views)
    this.#read('generation', 'The number of the present generation of the index', sources.generation)
    new Gauge({
      name: 'pinyon_build_info',
      help: 'Always 1',
      labelNames: ['version', 'node'],
      registers: [this.#registry],
    }).set({ version, node: process.versions.node }, 1)
  }

  /** Content-Type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All figures, in Prometheus' text format. */
  async text(): Promise<string> {
    for (const collect of this.#beforeReading) await collect()
    return await this.#registry.metrics()
  }

  /** The configuration was taken up, or refused. */
  countReload(accepted: boolean, nowMs: number): void {
    this.#configOk.set(accepted ? 1 : 0)
    this.#reloads.inc({ result: accepted ? 'accepted' : 'refused' })
    if (accepted) this.#lastReload.set(nowMs / 1000)
  }

  /** A package was passed through. */
  countBypass(): void {
    this.#bypasses.inc()
  }

  /** Blobs were removed. */
  countRemoved(reason: 'size' | 'unreferenced', { count, bytes }: { count: number; bytes: number }): void {
    this.#evictions.inc({ reason }, count)
    this.#evictedBytes.inc({ reason }, bytes)
  }

  /** A collection came to its end. */
  countCollection(nowMs: number): void {
    this.#lastCollection.set(nowMs / 1000)
  }

  #readCache({ cache }: MetricSources): void {
    this.#read('cache_blobs', 'Blobs stored', () => cache().count)
    this.#read('cache_bytes', 'Bytes of blobs stored', () => cache().bytes)
    this.#read('cache_max_bytes', 'The most bytes of blobs that may be stored', () => cache().maxBytes)
    this.#read('cache_reserved_bytes', 'Bytes set aside for blobs being written', () => cache().reservedBytes)
    this.#read(
      'cache_protected_bytes',
      'Bytes that are only here, and thus never evicted',
      () => cache().protectedBytes,
    )
  }

  #readSources({ sources }: MetricSources): void {
    const labels = ['mirror', 'source'] as const
    const add = (name: string, help: string, value: (one: ReturnType<typeof sources>[number]) => number) =>
      this.#registry.registerMetric(
        new Gauge({
          name: `pinyon_source_${name}`,
          help,
          labelNames: labels,
          registers: [],
          collect() {
            this.reset()
            for (const one of sources()) this.set({ mirror: one.mirror, source: one.source }, value(one))
          },
        }),
      )
    add('down', 'Whether a source has answered nothing for a while and is not asked', ({ isDown }) =>
      Number(isDown),
    )
    add('failures', 'Failures of a source since its last whole answer', ({ failures }) => failures)
  }

  #readWorkers({ workers }: MetricSources): void {
    this.#read('workers', 'Processes that serve, the first one included', () => workers().serving)
    const counter = new Counter({
      name: 'pinyon_worker_restarts_total',
      help: 'Workers that died and were replaced',
      registers: [],
      collect() {
        this.reset()
        this.inc(workers().restarts)
      },
    })
    this.#registry.registerMetric(counter)
  }

  /** One look-up for all four. */
  #readPackages({ packages }: MetricSources): void {
    const gauge = (name: string, help: string, ...labelNames: string[]) =>
      new Gauge({
        name: `pinyon_${name}`,
        help,
        labelNames: ['mirror', ...labelNames],
        registers: [this.#registry],
      })
    const atRisk = gauge(
      'at_risk_packages',
      'Packages that snapshots list, upstream has dropped, and are not cached',
    )
    const atRiskBytes = gauge('at_risk_bytes', 'Bytes of packages at risk')
    const lost = gauge('lost_packages', 'Packages that snapshots list and no source has')
    const current = gauge('packages', 'Packages of the current snapshot, as counted last', 'state')
    const all = [atRisk, atRiskBytes, lost, current]
    const collect = async () => {
      const mirrors = await packages()
      for (const one of all) one.reset()
      for (const { mirror, cached, onDemand, ...counts } of mirrors) {
        atRisk.set({ mirror }, counts.atRisk)
        atRiskBytes.set({ mirror }, counts.atRiskBytes)
        lost.set({ mirror }, counts.lost)
        if (cached !== undefined) current.set({ mirror, state: 'cached' }, cached)
        if (onDemand !== undefined) current.set({ mirror, state: 'on_demand' }, onDemand)
      }
    }
    this.#beforeReading.push(collect)
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `pinyon_${name}`, help, registers: [this.#registry] })
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[] = []): Counter<Label> {
    return new Counter({ name: `pinyon_${name}`, help, labelNames, registers: [this.#registry] })
  }

  /** A gauge that is looked up when asked for; absent while it is undefined. */
  #read(name: string, help: string, value: () => number | undefined | Promise<number>): void {
    const gauge = new Gauge({
      name: `pinyon_${name}`,
      help,
      registers: [],
      async collect() {
        const found = await value()
        if (found === undefined) this.remove()
        else this.set(found)
      },
    })
    this.#registry.registerMetric(gauge)
  }
}
