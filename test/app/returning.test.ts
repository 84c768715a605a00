import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { hrefOf, startFarm, type Farm, type FarmOptions } from './prefetch-farm.ts'

/** A farm whose upstream has dropped `z-1`, which was then found lost twice through its first snapshot: it is not asked for within two minutes. */
async function startWithLost(
  t: TestContext,
  options: FarmOptions = {},
): Promise<{ farm: Farm; first: string }> {
  const farm = await startFarm(t, { ...options, mirror: { policy: 'on_demand', ...options.mirror } })
  farm.push(['a-1', 'z-1'])
  const first = await farm.sync()
  farm.push(['a-1'])
  await farm.sync()
  await loseTwice(farm, first)
  return { farm, first }
}

/** The next sync is a minute later: all sources would be asked again by then if they had been asked once. */
async function loseTwice(farm: Farm, snapshot: string): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    farm.clock.now += 3_600_000
    assert.equal(await outcomeOf(farm, snapshot), 'lost')
  }
}

async function outcomeOf(farm: Farm, snapshot: string): Promise<string> {
  return String((await farm.get(snapshot, 'z-1')).headers['x-cache'])
}

describe('a lost package that upstream lists again', () => {
  test('is fetched by who asks for it first, in the new snapshot', async (t) => {
    const { farm } = await startWithLost(t)
    farm.push(['a-1', 'z-1'])
    assert.equal(await outcomeOf(farm, await farm.sync()), 'fill')
  })

  test('and in the old one', async (t) => {
    const { farm, first } = await startWithLost(t)
    farm.push(['a-1', 'z-1'])
    await farm.sync()
    assert.equal(await outcomeOf(farm, first), 'fill')
  })

  test('is fetched when another had its place meanwhile', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'on_demand' } })
    const sync = async (content: number) => {
      farm.push([])
      farm.pushPackages([{ name: 'z', version: '1', content }])
      return await farm.sync()
    }
    const first = await sync(20_000)
    await sync(20_001)
    await loseTwice(farm, first)
    assert.equal(await outcomeOf(farm, await sync(20_000)), 'fill')
  })

  test('is fetched ahead, though nobody can have had it before', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'immediate' } })
    farm.push(['a-1', 'z-1'])
    rmSync(join(farm.upstream.root, hrefOf('z-1')))
    const first = await farm.sync()
    await httpGet(`${farm.app.url}/repos/views/job/all_latest.json`)
    // The view holds the first snapshot, so that all sources are asked as soon as it has left.
    farm.push(['a-1'])
    await farm.sync()
    assert.deepEqual(await farm.departed(), [0, 0, 1])
    await loseTwice(farm, first)
    farm.push(['a-1', 'z-1'])
    assert.equal(await outcomeOf(farm, await farm.sync()), 'hit')
  })

  test('is fetched by a process that found it lost, when another one has published', async (t) => {
    const { farm, first } = await startWithLost(t)
    const mirrors = { m: { baseurls: [farm.upstream.url], policy: 'on_demand' } } as const
    const { dataDir } = farm.app
    const other = await startApp(t, { mirrors, dataDir, now: () => farm.clock.now })
    farm.push(['a-1', 'z-1'])
    farm.clock.now += 60_000
    const { snapshot } = await other.sync('m')
    assert.equal(await outcomeOf(farm, first.replace(/[^/]+$/, snapshot.name)), 'fill')
  })

  test('and leaves again is lost anew: it is asked for after a minute', async (t) => {
    const { farm, first } = await startWithLost(t)
    for (const packages of [['a-1', 'z-1'], ['a-1']]) {
      farm.push(packages)
      await farm.sync()
    }
    const before = farm.asked('z-1')
    assert.equal(await outcomeOf(farm, first), 'lost')
    assert.equal(await outcomeOf(farm, first), 'lost')
    assert.equal(farm.asked('z-1'), before + 1)
    farm.clock.now += 60_000
    assert.equal(await outcomeOf(farm, first), 'lost')
    assert.equal(farm.asked('z-1'), before + 2)
  })
})
