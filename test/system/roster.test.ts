import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import * as fc from 'fast-check'

import { Roster } from '../../src/system/roster.ts'

interface Member {
  readonly name: number
  place: number | undefined
}

/** How many go through, how many of them are there at a time, and how large they are in words. */
const MANY = 1_000
const PRESENT = 16
const WORDS = 125

const operation = fc.record({ kind: fc.constantFrom('add', 'delete'), name: fc.nat(12) })

describe('a roster', () => {
  test('has those that a set would have', () => {
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const members = Array.from({ length: 13 }, (_, name): Member => ({ name, place: undefined }))
        const roster = new Roster<Member>()
        const set = new Set<Member>()
        for (const { kind, name } of operations) {
          const member = members[name] as Member
          if (kind === 'delete') assert.equal(roster.delete(member), set.delete(member))
          else if (!set.has(member)) {
            roster.add(member)
            set.add(member)
          }
          assert.equal(roster.size, set.size)
          assert.deepEqual(new Set(roster.list()), set)
        }
      }),
    )
  })

  test('leaves those of another alone', () => {
    const [one, other] = [new Roster<Member>(), new Roster<Member>()]
    const [first, second] = [
      { name: 1, place: undefined },
      { name: 2, place: undefined },
    ]
    one.add(first)
    other.add(second)
    assert.equal(other.delete(first), false)
    assert.deepEqual(one.list(), [first])
    assert.deepEqual(other.list(), [second])
  })

  test('keeps nothing of those that have gone alive, as a set does', () => {
    const roster = new Roster<Member>()
    const set = new Set<Member>()
    const ofRoster = keptShare(
      (member) => roster.add(member),
      (member) => roster.delete(member),
    )
    const ofSet = keptShare(
      (member) => set.add(member),
      (member) => set.delete(member),
    )
    // Those that are there make 0.016 of it.
    assert.ok(ofRoster < 0.1, `${ofRoster}`)
    assert.ok(ofSet > 0.3, `${ofSet}: a set would do as well by now`)
  })
})

/** What share of all that came and went since the collector ran last is left when it has collected the young generation. */
function keptShare(add: (member: Member) => void, remove: (member: Member) => void): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void
  const present: Member[] = []
  const goThrough = (count: number) => {
    for (let name = 0; name < count; name += 1) {
      const member = { name, place: undefined, load: Array.from({ length: WORDS }, () => name) }
      add(member)
      present.push(member)
      const first = present.length > PRESENT ? present.shift() : undefined
      if (first !== undefined) remove(first)
    }
  }
  goThrough(MANY)
  collect()
  collect({ type: 'minor' })
  const before = usedBytes()
  goThrough(MANY)
  const grown = usedBytes() - before
  collect({ type: 'minor' })
  return (usedBytes() - before) / grown
}

function usedBytes(): number {
  return getHeapStatistics().used_heap_size
}
