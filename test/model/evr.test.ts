import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { compareEvr, compareVersions, type Evr } from '../../src/model/evr.ts'
import { Random } from '../support/random.ts'
import { mustRun } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

/** What `rpm.vercmp` of rpm 4.18 said: a, b, and the order of a against b. */
const RECORDED: readonly (readonly [string, string, number])[] = [
  ['1.0', '1.0', 0],
  ['1.0', '2.0', -1],
  ['2.0.1', '2.0', 1],
  ['2.0.1a', '2.0.1', 1],
  ['5.5p1', '5.5p2', -1],
  ['5.5p10', '5.5p1', 1],
  ['10xyz', '10.1xyz', -1],
  ['xyz10', 'xyz10.1', -1],
  ['xyz.4', '8', -1],
  ['xyz.4', '2', -1],
  ['5.5p2', '5.6p1', -1],
  ['6.0.rc1', '6.0', 1],
  ['10b2', '10a1', 1],
  ['1.0aa', '1.0a', 1],
  ['10.0001', '10.1', 0],
  ['10.0001', '10.0039', -1],
  ['4.999.9', '5.0', -1],
  ['20101121', '20101122', -1],
  ['2_0', '2.0', 0],
  ['a', 'a_', 0],
  ['a+', 'a_', 0],
  ['+a', '_a', 0],
  ['_', '+', 0],
  ['1.0~rc1', '1.0', -1],
  ['1.0~rc1', '1.0~rc2', -1],
  ['1.0~rc1~git123', '1.0~rc1', -1],
  ['1.0^', '1.0', 1],
  ['1.0^git1', '1.0', 1],
  ['1.0^git1', '1.0^git2', -1],
  ['1.0^git1', '1.01', -1],
  ['1.0^20160101', '1.0.1', -1],
  ['1.0^20160101^git1', '1.0^20160102', -1],
  ['1.0~rc1^git1', '1.0~rc1', 1],
  ['1.0^git1~pre', '1.0^git1', -1],
  ['1.900', '1.8000', -1],
  ['1.0.a', '1.0.1', -1],
  ['00000000000000000001', '1', 0],
  ['18446744073709551616', '18446744073709551617', -1],
  ['1é', '1ü', 0],
  ['1..0', '1.0', 0],
  ['1.', '1', 0],
  ['~', '^', -1],
  ['~', '1', -1],
  ['^', '1', -1],
]

const PARTS = ['0', '1', '2', '10', '01', '9', 'a', 'b', 'rc', 'el9', 'B', '~', '^', '.', '_', '+', '..', 'é']

/** Two versions that are mostly the same, for those that are not are told apart by their first part. */
function similarVersions(random: Random): [string, string] {
  const parts = Array.from({ length: 1 + random.below(5) }, () => random.pick(PARTS))
  const others = parts.flatMap((part) =>
    random.once(4) ? [random.pick(PARTS)] : random.once(8) ? [] : [part],
  )
  if (random.once(3)) others.push(random.pick(PARTS))
  return [parts.join(''), others.join('') || '0']
}

/** The orders of pairs of versions, or of epoch:version-release, by the rpm that is installed. */
async function compareByRpm(
  t: TestContext,
  pairs: readonly (readonly [string, string])[],
): Promise<number[]> {
  const list = join(tempDir(t), 'pairs')
  writeFileSync(list, pairs.map(([a, b]) => `${a} ${b}\n`).join(''))
  const script = `local orders = {}
    for line in io.lines("${list}") do
      local a, b = line:match("([^ ]+) ([^ ]+)")
      orders[#orders + 1] = rpm.vercmp(a, b)
    end
    print(table.concat(orders, " "))`
  const { stdout } = await mustRun('rpm', ['--eval', `%{lua: ${script}}`])
  return stdout.trim().split(' ').map(Number)
}

describe('compareVersions', () => {
  test('is what rpm says, as recorded', () => {
    for (const [a, b, order] of RECORDED) {
      assert.equal(compareVersions(a, b), order, `${a} against ${b}`)
      assert.equal(compareVersions(b, a), order === 0 ? 0 : -order, `${b} against ${a}`)
    }
  })

  test('is what the rpm installed here says', needs('rpm'), async (t) => {
    const random = new Random(1)
    const pairs = Array.from({ length: 20_000 }, () => similarVersions(random))
    const orders = await compareByRpm(t, pairs)
    assert.deepEqual(new Set(orders), new Set([-1, 0, 1]))
    assert.deepEqual(
      pairs.map(([a, b]) => compareVersions(a, b)),
      orders,
    )
  })
})

function evr(epoch: string, version: string, release: string): Evr {
  return { epoch, version, release }
}

function format({ epoch, version, release }: Evr): string {
  return `${epoch}:${version}-${release}`
}

describe('compareEvr', () => {
  test('goes by epoch, then version, then release', () => {
    assert.equal(compareEvr(evr('1', '1', '1'), evr('0', '2', '2')), 1)
    assert.equal(compareEvr(evr('0', '1', '2'), evr('0', '2', '1')), -1)
    assert.equal(compareEvr(evr('0', '1', '10'), evr('0', '1', '9')), 1)
    assert.equal(compareEvr(evr('', '1', '1'), evr('0', '1', '1')), 0)
    assert.equal(compareEvr(evr('9', '1', '1'), evr('10', '1', '1')), -1)
  })

  test('is what the rpm installed here says', needs('rpm'), async (t) => {
    const random = new Random(2)
    const cases = Array.from({ length: 5000 }, () => {
      const [versions, releases] = [similarVersions(random), similarVersions(random)]
      const make = (side: 0 | 1) =>
        evr(String(random.below(2)), versions[random.once(2) ? side : 0], releases[side])
      return [make(0), make(1)] as const
    })
    const orders = await compareByRpm(
      t,
      cases.map(([a, b]) => [format(a), format(b)]),
    )
    assert.deepEqual(
      cases.map(([a, b]) => compareEvr(a, b)),
      orders,
    )
  })
})
