import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { DiffView } from '../../src/snapshot/diff/diff-document.ts'
import { createFarm, type Farm } from './pinyon.ts'

/** Publishes one generation after the other; gives the snapshots' names. */
async function publishAll(
  farm: Farm,
  generations: readonly Parameters<Farm['publish']>[1][],
): Promise<string[]> {
  const names: string[] = []
  for (const [index, packages] of generations.entries()) {
    farm.publish('one', packages, 1_600_000_000 + index)
    names.push(...(await farm.sync('one')))
  }
  return names
}

/** Packages of one version that were built from the kernel's source. */
function kernel(version: string, ...names: readonly string[]): Parameters<Farm['publish']>[1] {
  return names.map((name) => ({ name, version, source: `kernel-${version}-1.src.rpm` }))
}

describe('diff', () => {
  test('begins with the figures, and has first what can hurt', async (t) => {
    const farm = createFarm(t, ['one'])
    const [first, second] = await publishAll(farm, [
      [
        { name: 'down', version: '2' },
        { name: 'gone' },
        { name: 'kernel', version: '1' },
        { name: 'kernel', version: '2' },
        { name: 'same', content: 10 },
        { name: 'up', version: '9' },
      ],
      [
        { name: 'down', version: '1' },
        { name: 'kernel', version: '2' },
        { name: 'kernel', version: '3' },
        { name: 'new', epoch: 3 },
        { name: 'same', content: 20 },
        { name: 'up', version: '10' },
      ],
    ])
    const { code, stdout, stderr } = await farm.run('diff', 'one')
    assert.deepEqual([code, stderr], [0, ''])
    assert.equal(
      stdout.replace(/sha256:\w{12}/g, 'D'),
      `one: ${first} -> ${second}
1 replaced in place · 1 downgraded · 1 removed · 2 upgraded · 1 added

Replaced in place: same name and version, other bytes (1)
  same-1.0-1.noarch  D… (10 bytes)  ->  D… (20 bytes)  Packages/s/same-1.0-1.noarch.rpm

Downgraded (1)
  down.noarch  2-1  ->  1-1

Removed (1)
  gone-1.0-1.noarch

Upgraded (2)
  kernel.noarch  2-1  ->  3-1   (1-1 is gone)
  up.noarch      9-1  ->  10-1

Added (1)
  new-3:1.0-1.noarch
`,
    )
    const json = await farm.run('diff', 'one', first ?? '', 'current', '--json')
    const { summary, from, to } = JSON.parse(json.stdout) as Record<string, unknown>
    assert.deepEqual([from, to], [first, second])
    assert.deepEqual(summary, {
      replaced: 1,
      downgraded: 1,
      removed: 1,
      upgraded: 2,
      added: 1,
      advisories: 0,
    })
  })

  test('has a line for each source package, with what was built from it', async (t) => {
    const farm = createFarm(t, ['one'])
    const names = ['kernel', 'kernel-core', 'kernel-modules', 'perf', 'bpftool', 'rtla']
    await publishAll(farm, [
      [
        ...kernel('1', ...names),
        ...kernel('0', 'kernel-core'),
        ...kernel('5', 'old-a', 'old-b'),
        { name: 'z', version: '1' },
      ],
      [...kernel('2', ...names, 'kernel-uki'), ...kernel('9', 'new-a', 'new-b'), { name: 'z', version: '2' }],
    ])
    const { stdout } = await farm.run('diff', 'one')
    assert.equal(
      stdout.slice(stdout.indexOf('\n') + 1),
      `2 removed · 7 upgraded · 3 added

Removed (2)
  kernel-5-1  2 packages: old-a, old-b

Upgraded (7)
  kernel    1-1  ->  2-1  (0-1 is gone) 6 packages: bpftool, kernel, kernel-core, kernel-modules, perf, rtla
  z.noarch  1-1  ->  2-1

Added (3)
  kernel-uki-2-1.noarch
  kernel-9-1             2 packages: new-a, new-b
`,
    )
    const { sources } = JSON.parse((await farm.run('diff', 'one', '--json')).stdout) as DiffView
    const upgraded = sources.find(({ change }) => change === 'upgraded')
    assert.deepEqual([upgraded?.source, upgraded?.from, upgraded?.to], ['kernel', '1-1', '2-1'])
    assert.equal(upgraded?.packages.length, 6)
  })

  test('exits 3 when nothing differs, and 1 for what is not there', async (t) => {
    const farm = createFarm(t, ['one'])
    const [only] = await publishAll(farm, [[{ name: 'a' }]])
    const same = await farm.run('diff', 'one', 'current', 'newest')
    assert.deepEqual([same.code, same.stdout], [3, `one: ${only} -> ${only}\nno package differs\n`])
    const cases = [
      [['one'], `one has no snapshot before: ${only}\n`],
      [['one', '2016-12-13-13-30'], `one has no snapshot "2016-12-13-13-30": the nearest are ${only}\n`],
      [['none'], 'no such mirror, perhaps one is meant: none\n'],
    ] as const
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await farm.run('diff', ...args)
      assert.deepEqual([code, stdout, stderr], [1, '', message])
    }
    assert.equal((await farm.run('diff')).code, 2)
  })

  test('is harmless on a terminal', async (t) => {
    const farm = createFarm(t, ['one'])
    await publishAll(farm, [[], [{ name: 'a\u009b2J\u202e', href: 'a.rpm' }]])
    assert.match((await farm.run('diff', 'one')).stdout, /\n {2}a\?2J\?-1\.0-1\.noarch\n$/)
  })

  test('sync warns of what was replaced in place', async (t) => {
    const farm = createFarm(t, ['one'])
    await publishAll(farm, [[{ name: 'a', content: 10 }]])
    farm.publish('one', [{ name: 'a', content: 20 }], 1_700_000_000)
    const { code, stdout } = await farm.run('sync', 'one')
    assert.equal(code, 0)
    assert.match(
      stdout,
      /^one: published \S+, 1 package \(1 added, 1 removed\)\none: 1 replaced in place: same name and version, other bytes\n$/,
    )
  })
})
