import assert from 'node:assert/strict'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'

import { formatWhy } from '../../src/cli/why.ts'
import { hrefOf, startFarm, type Farm } from '../app/prefetch-farm.ts'
import { pinyon } from '../cli/pinyon.ts'
import { readWhy } from './read-why.ts'

/** A farm whose upstream has dropped `a-1`, which was then found lost so often, an hour between each. */
async function startWithLost(t: TestContext, { times, start }: { times: number; start?: number }) {
  const farm = await startFarm(t, { mirror: { policy: 'on_demand' } })
  if (start !== undefined) farm.clock.now = start - times * 3_600_000 - 120_000
  farm.push(['a-1', 'b-1'])
  const first = await farm.sync()
  farm.push(['b-1'])
  await farm.sync()
  let reason = ''
  for (let at = 0; at < times; at += 1) {
    farm.clock.now += 3_600_000
    reason = await lose(farm, first)
  }
  return { farm, path: `${new URL(first).pathname}/${hrefOf('a-1')}`, reason }
}

async function lose(farm: Farm, snapshot: string): Promise<string> {
  const { headers } = await farm.get(snapshot, 'a-1')
  assert.equal(headers['x-cache'], 'lost')
  return String(headers['x-pinyon-reason'])
}

describe('why, of a lost package', () => {
  test('says what a GET gets, and from when on one asks again', async (t) => {
    const { farm, path, reason } = await startWithLost(t, { times: 1 })
    const lost = await readWhy(farm.app.url, path)
    assert.deepEqual(
      [lost.status, lost.outcome, lost.code, lost.reason, lost.kind],
      [502, 'lost', 'PACKAGE_LOST', reason, 'package'],
    )
    assert.equal(lost.file?.departed?.asked_again_at, new Date(farm.clock.now + 60_000).toISOString())
    assert.equal(farm.asked('a-1'), 1, 'explaining asks nobody')
    const text = formatWhy(lost, { nowMs: farm.clock.now, running: true })
    const again = lost.file?.departed?.asked_again_at
    assert.match(text, /^\S+ 502 lost \(PACKAGE_LOST\), a package\nwhy {7}lost: it left m at /)
    assert.ok(
      text.includes(`\nbytes     not here: no source has them, and none is asked before ${again}\n`),
      text,
    )
    assert.match(text, /^snapshot {2}\S+ of m$/m)
  })

  test('says that a GET asks all sources again when it does', async (t) => {
    const { farm, path } = await startWithLost(t, { times: 1 })
    farm.clock.now += 60_000
    const due = await readWhy(farm.app.url, path)
    assert.deepEqual([due.status, due.outcome, due.code, due.reason], [200, null, null, null])
    assert.match(
      formatWhy(due, { nowMs: farm.clock.now, running: true }),
      /^bytes {5}not here: the next GET asks all sources again$/m,
    )
  })

  test('says so of what a redirect leads to', async (t) => {
    const { farm, path } = await startWithLost(t, { times: 1 })
    const at = path.replace(/\/m\/\d{4}(?:-\d\d)+\//, '/m/at/2026-01-01T00:01:30Z/')
    const redirected = await readWhy(farm.app.url, at)
    assert.deepEqual([redirected.status, redirected.redirects], [302, [path]])
    assert.deepEqual([redirected.outcome, redirected.code], ['lost', 'PACKAGE_LOST'])
    const text = formatWhy(redirected, { nowMs: farm.clock.now, running: true })
    assert.match(text, /^\S+ 302, and then lost \(PACKAGE_LOST\), a package\n/)
  })

  test('says so without a server, and exits 3', async (t) => {
    // It is not asked again for half an hour of this machine's clock.
    const { farm, path } = await startWithLost(t, { times: 6, start: Date.now() })
    await farm.app.close()
    const configFile = join(farm.app.dataDir, 'pinyon.yaml')
    const text = `data_dir: ${farm.app.dataDir}\nmirrors: { m: { baseurl: '${farm.upstream.url}' } }\n`
    writeFileSync(configFile, text)
    const { code, stdout } = await pinyon(['why', path, '--config', configFile])
    assert.match(stdout, /^\S+ 502 lost \(PACKAGE_LOST\), a package\nwhy {7}lost: it left m at /)
    assert.equal(code, 3)
  })
})
