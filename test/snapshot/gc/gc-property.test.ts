import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { digestOf, type Digest } from '../../../src/model/digest.ts'
import type { GcRequest } from '../../../src/snapshot/gc/gc-context.ts'
import { extent } from '../../support/extent.ts'
import { Random } from '../../support/random.ts'
import { FarmModel, type ModelSnapshot } from './gc-model.ts'
import { GcPlace } from './gc-place.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MIRRORS = ['a', 'b']
const HREFS = ['p', 'q', 'r', 's', 't', 'u']
/** A package's, so that their repodata are not most of what is stored. */
const PACKAGE_BYTES = 600
const HISTORIES = extent({ full: 40, slice: 20 })
const STEPS = 80

const VIEW_MS = 3 * DAY_MS
const RULES = {
  keep: 2,
  maxAgeMs: 2 * DAY_MS,
  keepUsedMs: DAY_MS / 2,
  graceGenerations: 1,
  removedMs: DAY_MS,
}

/** A data directory and the model of what it should be, moved in step. */
class History {
  readonly #random: Random
  readonly #model = new FarmModel()
  readonly #place: GcPlace
  /** When each stored package was last used, by `<href> <content>`. */
  readonly #used = new Map<string, number>()
  readonly #repodata = new Map<ModelSnapshot, Digest>()
  #content = 0

  constructor(t: TestContext, seed: number) {
    this.#random = new Random(seed)
    this.#place = new GcPlace(t)
  }

  async run(): Promise<void> {
    // As a start does: from then on the farm's clock counts.
    await this.#place.store.views.sweep()
    await this.#configure()
    for (let step = 0; step < STEPS; step += 1) {
      this.#place.later(this.#random.below(8 * HOUR_MS))
      const acts = [
        () => this.#sync(),
        () => this.#sync(),
        () => this.#sync(),
        () => this.#fetch(),
        () => this.#fetch(),
        () => this.#fetch(),
        () => this.#use(),
        () => this.#pin(),
        () => this.#configure(),
        () => this.#view(),
        () => this.#endView(),
        () => this.#fail(),
        () => this.#collect(),
        () => this.#collectAndCrash(),
      ]
      await acts[this.#random.below(acts.length)]?.()
    }
    await this.#collect()
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#random.below(Math.max(1, items.length))]
  }

  async #sync(): Promise<void> {
    const mirror = this.#pick([...this.#model.configured])
    if (mirror === undefined) return
    const before = this.#model.live(mirror)[0]?.packages ?? new Map<string, string>()
    const packages = new Map(before)
    const href = this.#pick(HREFS) ?? ''
    if (!packages.has(href) || this.#random.once(2))
      packages.set(href, `${(this.#content += 1)}`.padEnd(PACKAGE_BYTES, 'x'))
    else packages.delete(href)
    const { nowMs } = this.#place
    const { name } = await this.#place.publish(mirror, Object.fromEntries(packages))
    this.#model.failing.delete(mirror)
    const one = { mirror, name, createdAt: nowMs, packages, retired: false, usedAt: undefined }
    this.#model.snapshots.push(one)
    this.#model.noteIndex()
    const snapshot = await this.#place.store.snapshot(mirror, name)
    assert.ok(snapshot !== undefined)
    const [file] = await this.#place.store.files(snapshot)
    if (file?.digest !== undefined) this.#repodata.set(one, file.digest)
  }

  /** A client's fill of a package of some snapshot. */
  async #fetch(): Promise<void> {
    const one = this.#pick(this.#model.snapshots.filter(({ retired }) => !retired))
    const entry = this.#pick([...(one?.packages ?? [])])
    if (one === undefined || entry === undefined) return
    const [href, content] = entry
    const key = `${href} ${content}`
    // What upstream no longer has is not fetched; what is stored is used.
    if (!this.#used.has(key) && !this.#model.fetchable().has(key)) return
    if (this.#used.has(key)) await this.#place.store.ledger.touch([digestOf(key)], this.#place.nowMs)
    else await this.#place.cache(href, content)
    this.#used.set(key, this.#place.nowMs)
  }

  async #use(): Promise<void> {
    const one = this.#pick(this.#model.snapshots.filter(({ retired }) => !retired))
    if (one === undefined) return
    one.usedAt = this.#place.nowMs
    await this.#place.use(one.mirror, one.name)
  }

  async #pin(): Promise<void> {
    const mirror = this.#pick([...this.#model.configured])
    if (mirror === undefined) return
    const one = this.#random.once(3) ? undefined : this.#pick(this.#model.live(mirror))
    if (one === undefined) this.#model.pins.delete(mirror)
    else this.#model.pins.set(mirror, one)
    await this.#reconcile()
  }

  /** Mirrors come into the configuration and go out of it. */
  async #configure(): Promise<void> {
    const { configured, removedAt, pins } = this.#model
    for (const mirror of MIRRORS) {
      if (this.#random.once(3)) continue
      if (configured.has(mirror) && configured.size > 1 && this.#random.once(4)) {
        configured.delete(mirror)
        pins.delete(mirror)
        if (this.#model.snapshots.some((one) => one.mirror === mirror))
          removedAt.set(mirror, this.#place.nowMs)
      } else {
        configured.add(mirror)
        removedAt.delete(mirror)
      }
    }
    await this.#reconcile()
  }

  async #reconcile(): Promise<void> {
    const { configured, pins } = this.#model
    const mirrors = [...configured].map((name) => {
      const pin = pins.get(name)?.name
      return pin === undefined ? { name } : { name, pin }
    })
    await this.#place.reconcile(mirrors)
    this.#model.noteIndex()
  }

  async #view(): Promise<void> {
    if (this.#model.generations.length === 0) return
    const name = `job-${this.#random.below(5)}`
    const known = this.#model.views.get(name)
    const isLive = known !== undefined && known.endsAt > this.#place.nowMs
    const endsAt = this.#place.nowMs + VIEW_MS
    await this.#place.store.views.open(name, { ttlMs: VIEW_MS, client: '127.0.0.1' })
    if (isLive) known.endsAt = endsAt
    else this.#model.views.set(name, { held: new Set(this.#model.generations.at(-1)?.values()), endsAt })
  }

  async #endView(): Promise<void> {
    const name = this.#pick([...this.#model.views.keys()])
    if (name === undefined) return
    this.#model.views.delete(name)
    await this.#place.store.views.end(name)
  }

  async #fail(): Promise<void> {
    const mirror = this.#pick([...this.#model.configured])
    if (mirror === undefined) return
    this.#model.failing.add(mirror)
    await this.#place.store.recordSync({ mirror, checkedAt: this.#place.nowMs, error: 'no route to host' })
  }

  /** What is left of a collection that was killed somewhere is right, and the next one makes it whole. */
  async #collectAndCrash(): Promise<void> {
    const request = this.#request()
    const transactions = 1 + this.#random.below(4)
    const died = await this.#place.collectUntil(transactions, request)
    await this.#noteRetired(request)
    await this.#noteRemoved()
    await this.#checkKept()
    if (!died) return
    this.#place.sweepTemporaries()
    await this.#collect()
  }

  async #collect(): Promise<void> {
    const request = this.#request()
    const expected = this.#model.snapshots.filter((one) => !one.retired && this.#model.mayGo(one, request))
    const before = new Map(this.#used)
    const report = await this.#place.collect(request)
    assert.deepEqual(
      report.snapshots
        .filter(({ goes }) => goes)
        .map(({ mirror, name }) => `${mirror} ${name}`)
        .toSorted(),
      expected.map(({ mirror, name }) => `${mirror} ${name}`).toSorted(),
      'what goes is what no rule keeps',
    )
    await this.#noteRetired(request)
    await this.#noteRemoved()
    await this.#checkKept()
    this.#checkGone(request, before)
    await this.#checkRepodataGone(request.nowMs)
  }

  #request(): Pick<GcRequest, 'rules' | 'nowMs' | 'farmNowMs' | 'maxBytes'> {
    const { nowMs, store } = this.#place
    const { bytes } = store.ledger.total()
    // Now and then there is more than may be.
    const maxBytes = this.#random.once(2) ? 1e9 : Math.max(1, Math.round(bytes * 0.8))
    return { rules: RULES, nowMs, farmNowMs: store.farmClock.nowMs(), maxBytes }
  }

  /** Nothing that a rule keeps was retired, whatever else happened. */
  async #noteRetired(request: Pick<GcRequest, 'rules' | 'nowMs'>): Promise<void> {
    const mayGo = new Set(
      this.#model.snapshots.filter((one) => !one.retired && this.#model.mayGo(one, request)),
    )
    for (const one of this.#model.snapshots.filter(({ retired }) => !retired)) {
      const isThere = (await this.#place.store.snapshot(one.mirror, one.name)) !== undefined
      assert.ok(isThere || mayGo.has(one), `${one.mirror} ${one.name} was retired`)
      one.retired = !isThere
    }
  }

  /** A stored package that is gone was one that could be fetched again, or that nothing lists. */
  async #noteRemoved(): Promise<void> {
    const [listed, fetchable] = [this.#model.listed(), this.#model.fetchable()]
    for (const key of this.#used.keys()) {
      if (await this.#place.has(digestOf(key))) continue
      assert.ok(!listed.has(key) || fetchable.has(key), `${key.slice(0, 9)} is only here, and was removed`)
      this.#used.delete(key)
    }
  }

  /** Each live snapshot has its repodata, lists exactly what it listed, and its generations are what they were. */
  async #checkKept(): Promise<void> {
    const { store } = this.#place
    for (const one of this.#model.snapshots.filter(({ retired }) => !retired)) {
      const snapshot = await store.snapshot(one.mirror, one.name)
      assert.ok(snapshot !== undefined)
      const repodata = this.#repodata.get(one)
      assert.ok(repodata !== undefined && (await this.#place.has(repodata)), `repodata of ${one.name}`)
      for (const href of HREFS) {
        const content = one.packages.get(href)
        const file = await store.file(snapshot, href)
        assert.equal(file?.digest, content === undefined ? undefined : digestOf(`${href} ${content}`))
      }
    }
    for (const [at, index] of this.#model.generations.entries()) {
      const found = await store.history.indexAt(at + 1)
      const names = [...(found?.current ?? [])].map(([mirror, { name }]) => `${mirror} ${name}`)
      assert.deepEqual(
        names.toSorted(),
        [...index.values()].map((one) => `${one.mirror} ${one.name}`).toSorted(),
      )
    }
  }

  /** Repodata that only a retired snapshot had are gone once they are old enough. */
  async #checkRepodataGone(nowMs: number): Promise<void> {
    for (const [one, digest] of this.#repodata)
      if (one.retired && nowMs - one.createdAt > HOUR_MS)
        assert.equal(await this.#place.has(digest), false, `repodata of ${one.name}, which was retired`)
  }

  /** Nothing stays that nothing keeps, and what was evicted was used less recently than what was not. */
  #checkGone({ nowMs, maxBytes }: Pick<GcRequest, 'nowMs' | 'maxBytes'>, before: Map<string, number>): void {
    const [listed, fetchable] = [this.#model.listed(), this.#model.fetchable()]
    for (const [key, usedAt] of this.#used)
      assert.ok(
        listed.has(key) || nowMs - usedAt <= HOUR_MS,
        `${key.slice(0, 9)} is listed nowhere, and stays`,
      )
    const isEvictable = (key: string) => listed.has(key) && fetchable.has(key)
    const evicted = [...before].filter(([key]) => isEvictable(key) && !this.#used.has(key))
    const kept = [...this.#used].filter(([key]) => isEvictable(key))
    const newestEvicted = Math.max(0, ...evicted.map(([, usedAt]) => usedAt))
    for (const [key, usedAt] of kept)
      assert.ok(usedAt >= newestEvicted, `${key.slice(0, 9)} was used before one that went`)
    const { bytes } = this.#place.store.ledger.total()
    assert.ok(bytes <= maxBytes || kept.length === 0, 'it fits, or nothing more could go')
    assert.deepEqual(this.#place.files().length, this.#place.store.ledger.total().count)
  }
}

test(`${HISTORIES} random histories: nothing protected is ever lost, nothing unprotected stays`, async (t) => {
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    try {
      await new History(t, seed).run()
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
})
