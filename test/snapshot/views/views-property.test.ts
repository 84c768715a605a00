import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import * as fc from 'fast-check'

import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { Machine } from '../../support/machine.ts'
import { tempDir } from '../../support/temp-dir.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What a renewal may be longer than asked for. */
const SLACK_MS = 1_000
const NAMES = ['a', 'b', 'c']
const PROCESSES = 2

/** What happens on a farm: time passes, jobs come, operators and machines do what they do. */
type Event =
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'set'; readonly ms: number }
  | { readonly kind: 'reboot'; readonly ms: number }
  | { readonly kind: 'publish' }
  | { readonly kind: 'restart'; readonly process: number }
  | { readonly kind: 'sweep'; readonly process: number }
  | { readonly kind: 'end'; readonly process: number; readonly name: string }
  | { readonly kind: 'open'; readonly process: number; readonly name: string; readonly ttlMs?: number }

const process = fc.nat(PROCESSES - 1)
const name = fc.constantFrom(...NAMES)
const passing = fc.oneof(fc.nat(2_000), fc.nat(HOUR_MS), fc.nat(30 * HOUR_MS))

const someEvent = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: passing }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      ms: fc.integer({ min: -99 * DAY_MS, max: 99 * DAY_MS }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reboot' as const), ms: passing }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'sweep' as const), process }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), process, name }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('open' as const), process, name }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      process,
      name,
      ttlMs: fc.oneof(fc.integer({ min: 1_000, max: HOUR_MS }), fc.integer({ min: 1_000, max: 20 * DAY_MS })),
    }),
  },
) as fc.Arbitrary<Event>

/** What a view must be: its generation, and how long it lasts at least and at most unless it is opened again. */
interface Model {
  readonly generation: number
  readonly ttlMs: number
  leastMs: number
  mostMs: number
}

/** Processes on one machine that share a database, and what each view of theirs must be. */
class Farm {
  /** Openings whose outcome was certain: views that lived, and that had ended. */
  readonly seen = { lived: 0, ended: 0 }
  readonly #machine = new Machine()
  readonly #file: string
  readonly #stores: SqliteSnapshotStore[] = []
  readonly #models = new Map<string, Model>()
  #generation = 0
  /** How long the machine has run since the farm's clock was noted for certain: a reboot may lose that. */
  #unnotedMs = 0

  constructor(file: string) {
    this.#file = file
  }

  async start(): Promise<void> {
    for (let index = 0; index < PROCESSES; index += 1) await this.#start(index)
    await this.#publish()
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close()
  }

  async do(event: Event): Promise<void> {
    if (event.kind === 'pass') this.#pass(event.ms)
    else if (event.kind === 'set') this.#machine.setWall(event.ms)
    else if (event.kind === 'reboot') await this.#reboot(event.ms)
    else if (event.kind === 'publish') await this.#publish()
    else if (event.kind === 'open') await this.#open(event)
    else if (event.kind === 'end') await this.#end(event)
    else if (event.kind === 'sweep') await this.#sweep(event.process)
    else if (event.kind === 'restart') {
      await this.#storeOf(event.process).close()
      await this.#start(event.process)
    }
  }

  /** As a server does. */
  async #start(index: number): Promise<void> {
    this.#stores[index] = new SqliteSnapshotStore(this.#file, undefined, { clock: this.#machine.clock })
    await this.#sweep(index)
  }

  async #publish(): Promise<void> {
    const database = new Database(this.#file)
    this.#generation += 1
    database
      .prepare("INSERT INTO generation (number, created_at, cause) VALUES (?, 0, 'sync')")
      .run(this.#generation)
    database.close()
  }

  #pass(ms: number): void {
    this.#machine.pass(ms)
    this.#unnotedMs += ms
    for (const model of this.#models.values()) {
      model.leastMs -= ms
      model.mostMs -= ms
    }
  }

  async #reboot(offMs: number): Promise<void> {
    await this.close()
    this.#machine.reboot(offMs)
    for (const model of this.#models.values()) model.mostMs += this.#unnotedMs
    for (const index of this.#stores.keys()) await this.#start(index)
  }

  async #sweep(index: number): Promise<void> {
    await this.#storeOf(index).views.sweep()
    this.#unnotedMs = 0
  }

  async #end({ process: index, name: job }: Event & { kind: 'end' }): Promise<void> {
    await this.#storeOf(index).views.end(job)
    this.#models.delete(job)
  }

  async #open({ process: index, name: job, ttlMs }: Event & { kind: 'open' }): Promise<void> {
    const before = this.#models.get(job)
    const opening = { client: 'job', ...(ttlMs === undefined ? {} : { ttlMs }) }
    const found = await this.#storeOf(index).views.open(job, opening)
    const lives = before !== undefined && before.leastMs > 0
    const ended = before === undefined || before.mostMs <= 0
    if (lives) assert.equal(found, before.generation, `${job} was cut`)
    if (ended) assert.equal(found, this.#generation, `${job} was extended`)
    // What a reboot may have lost leaves it open; then nothing is claimed of it.
    if (!lives && !ended) return await this.#end({ kind: 'end', process: index, name: job })
    if (before !== undefined) this.seen[lives ? 'lived' : 'ended'] += 1
    const lastingMs = Math.min(ttlMs ?? (lives ? before.ttlMs : DAY_MS), 14 * DAY_MS)
    const leastMs = Math.max(lives ? before.leastMs : 0, lastingMs)
    const mostMs = lives ? Math.max(before.mostMs, lastingMs + SLACK_MS) : lastingMs
    this.#models.set(job, { generation: found, ttlMs: lastingMs, leastMs, mostMs })
  }

  #storeOf(index: number): SqliteSnapshotStore {
    const store = this.#stores[index]
    assert.ok(store !== undefined)
    return store
  }
}

test('whatever happens to clocks, processes and the machine: no view is cut, none is extended while the machine runs', async (t) => {
  const dir = tempDir(t)
  const seen = { lived: 0, ended: 0 }
  let run = 0
  const property = fc.asyncProperty(fc.array(someEvent, { minLength: 30, maxLength: 80 }), async (events) => {
    const farm = new Farm(join(dir, `${(run += 1)}.db`))
    await farm.start()
    try {
      for (const event of events) await farm.do(event)
    } finally {
      await farm.close()
    }
    seen.lived += farm.seen.lived
    seen.ended += farm.seen.ended
  })
  await fc.assert(property, { seed: 2_016, numRuns: 40, endOnFailure: true })
  assert.ok(seen.lived > 200 && seen.ended > 40, JSON.stringify(seen))
})
