import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { moveAnchor, type ClockAnchor } from '../../src/system/farm-clock.ts'
import { openDatabase } from '../../src/snapshot/database.ts'
import { StoredClock } from '../../src/snapshot/views/stored-clock.ts'
import type { MachineClock } from '../../src/system/machine-clock.ts'
import { Machine } from '../support/machine.ts'
import { tempDir } from '../support/temp-dir.ts'

const HOUR_MS = 3_600_000
const ANCHOR: ClockAnchor = { farmMs: 1_000, bootId: 'a', monotonicMs: 500, wallMs: 10_000 }

describe('moving an anchor', () => {
  const cases: [string, Parameters<typeof moveAnchor>[1], number][] = [
    [
      'within one boot, whatever the wall says',
      { bootId: 'a', monotonicMs: 700, uptimeMs: 700, wallMs: 0 },
      1_200,
    ],
    ['to a reading that was overtaken', { bootId: 'a', monotonicMs: 400, uptimeMs: 400, wallMs: 0 }, 1_000],
    ['after a boot', { bootId: 'b', monotonicMs: 300, uptimeMs: 300, wallMs: 70_000 }, 1_300],
    ['after a boot just now', { bootId: 'b', monotonicMs: 300, uptimeMs: 300, wallMs: 10_100 }, 1_100],
    [
      'after a boot with the wall set back',
      { bootId: 'b', monotonicMs: 300, uptimeMs: 300, wallMs: 0 },
      1_000,
    ],
    [
      'after a start about which nothing is known',
      { bootId: 'b', monotonicMs: 9_000, uptimeMs: 0, wallMs: 70_000 },
      1_000,
    ],
  ]
  for (const [title, reading, farmMs] of cases)
    test(title, () => assert.equal(moveAnchor(ANCHOR, reading).farmMs, farmMs))

  test('an overtaken reading leaves the anchor on its line', () => {
    const overtaken = moveAnchor(ANCHOR, { bootId: 'a', monotonicMs: 400, uptimeMs: 400, wallMs: 0 })
    const next = { bootId: 'a', monotonicMs: 900, uptimeMs: 900, wallMs: 0 }
    assert.deepEqual(moveAnchor(overtaken, next), moveAnchor(ANCHOR, next))
  })
})

/** What can happen to a machine and the processes on it. */
type Event =
  | { readonly kind: 'pass' | 'set' | 'reboot'; readonly ms: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'read' | 'note' | 'end'; readonly which: number }

const someEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat(HOUR_MS) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('set'),
      ms: fc.integer({ min: -900 * HOUR_MS, max: 900 * HOUR_MS }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reboot'), ms: fc.nat(40 * HOUR_MS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('start') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('read' as const, 'note' as const, 'end' as const),
      which: fc.nat(3),
    }),
  },
) as fc.Arbitrary<Event>

/** A start first: nothing can be said before. */
const someEvents = fc
  .array(someEvent, { minLength: 30, maxLength: 60 })
  .map((events) => [{ kind: 'start' } as const, ...events])

interface Saying {
  readonly process: number
  readonly trueMs: number
  readonly farmMs: number
  readonly boot: number
  readonly noted: boolean
}

/** Lets the events happen to processes that share a database, and gives everything that their clocks said. */
function sayings(
  file: string,
  events: readonly Event[],
  clockOf: (machine: Machine, process: number) => MachineClock,
): Saying[] {
  const machine = new Machine()
  const database = openDatabase(file)
  const said: Saying[] = []
  let boot = 0
  let started = 0
  let processes: { process: number; clock: StoredClock }[] = []
  const say = (process: number, farmMs: number, noted: boolean) =>
    said.push({ process, trueMs: machine.trueMs, farmMs, boot, noted })
  const note = ({ process, clock }: { process: number; clock: StoredClock }) =>
    say(process, database.transaction(() => clock.note())(), true)
  const start = () => {
    const process = (started += 1)
    const one = { process, clock: new StoredClock(database, clockOf(machine, process)) }
    processes.push(one)
    // As servers do.
    note(one)
  }
  for (const event of events) {
    if (event.kind === 'pass') machine.pass(event.ms)
    if (event.kind === 'set') machine.setWall(event.ms)
    if (event.kind === 'start') start()
    if (event.kind === 'reboot') {
      machine.reboot(event.ms)
      processes = []
      boot += 1
    }
    if (!('which' in event)) continue
    const found = processes[event.which]
    if (found === undefined) continue
    if (event.kind === 'end') processes = processes.filter((one) => one !== found)
    else if (event.kind === 'note') note(found)
    else say(found.process, found.clock.nowMs(), false)
  }
  database.close()
  return said
}

const ofProcess = (machine: Machine, process: number) => machine.processClock(`${process}`)

describe("the farm's clock", () => {
  test('runs with true time while the machine runs, and behind it otherwise, whatever the wall says', (t) => {
    const dir = tempDir(t)
    let run = 0
    let compared = 0
    const property = fc.property(someEvents, (events) => {
      const said = sayings(join(dir, `${(run += 1)}.db`), events, (machine) => machine.clock)
      let notedMs = 0
      for (const [index, { trueMs, farmMs, boot, noted }] of said.entries()) {
        assert.ok(farmMs >= notedMs, 'never back behind what was noted')
        if (noted) notedMs = farmMs
        const before = said[index - 1]
        if (before === undefined) continue
        const [trulyMs, farmlyMs] = [trueMs - before.trueMs, farmMs - before.farmMs]
        if (boot === before.boot) assert.equal(farmlyMs, trulyMs, 'within a boot')
        assert.ok(farmlyMs <= trulyMs, 'never ahead')
        compared += 1
      }
    })
    fc.assert(property, { seed: 4812, numRuns: 150 })
    assert.ok(compared > 1_000, `${compared}`)
  })

  test('where boots have no name it is never ahead, and a process never goes back', (t) => {
    const dir = tempDir(t)
    let run = 0
    const property = fc.property(someEvents, (events) => {
      const said = sayings(join(dir, `${(run += 1)}.db`), events, ofProcess)
      const [first] = said
      const last = new Map<number, number>()
      for (const { process, trueMs, farmMs } of said) {
        assert.ok(farmMs <= trueMs - (first?.trueMs ?? 0), 'never ahead of all that has passed')
        assert.ok(farmMs >= (last.get(process) ?? 0), 'never back')
        last.set(process, farmMs)
      }
    })
    fc.assert(property, { seed: 4812, numRuns: 150 })
  })

  test('without a name of the boot, one process at a time loses only what it did not note', (t) => {
    const machine = new Machine()
    const database = openDatabase(join(tempDir(t), 'pinyon.db'))
    const note = (clock: StoredClock) => database.transaction(() => clock.note())()
    const first = new StoredClock(database, machine.processClock('1'))
    assert.deepEqual([first.nowMs(), note(first)], [0, 0])
    machine.pass(HOUR_MS)
    assert.equal(note(first), HOUR_MS)
    machine.pass(HOUR_MS)
    machine.setWall(900 * HOUR_MS)
    assert.equal(first.nowMs(), 2 * HOUR_MS)
    const second = new StoredClock(database, machine.processClock('2'))
    assert.equal(note(second), HOUR_MS)
    machine.pass(HOUR_MS)
    assert.equal(note(second), 2 * HOUR_MS)
    assert.equal(note(first), 3 * HOUR_MS, 'a process goes on with what it has said')
    assert.equal(note(second), 3 * HOUR_MS, 'and the others follow who is ahead')
    database.close()
  })
})
