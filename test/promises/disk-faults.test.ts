import assert from 'node:assert/strict'
import { readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { blobPath, createLayout } from '../../src/cache/layout.ts'
import type { DiskFault } from '../support/disk-faults.ts'
import { extent } from '../support/extent.ts'
import { DiskFarm } from './disk-farm.ts'

// Whatever fails of the disk, at whichever call, what is there is served, what is not passes through, nothing wrong is
// published, and once the disk is well again so is the server.

/** Of the calls that could fail in a round every so many is tried; another number by each error, so that together they try most. */
const STRIDES: Readonly<Record<DiskFault['error'], number>> = { ENOSPC: 7, EIO: 5, EROFS: 11, EMFILE: 3 }
const OPERATIONS: Readonly<Record<DiskFault['error'], DiskFault['operations']>> = {
  ENOSPC: ['write', 'sync', 'name'],
  EIO: ['write', 'sync', 'name'],
  EROFS: ['write', 'sync', 'name'],
  EMFILE: ['open'],
}

async function startFarm(t: TestContext, workers = 1): Promise<DiskFarm | undefined> {
  const farm = await DiskFarm.start(t, workers)
  if (farm === undefined) {
    t.skip('no C compiler')
    return undefined
  }
  assert.equal((await farm.sync()).outcome, 'published')
  const snapshot = await farm.current()
  for (const name of ['hot', 'large']) await farm.stored(snapshot, farm.find(name))
  await farm.checkRepodata(snapshot)
  return farm
}

/** What a farm does all day, while its disk may fail. */
async function liveThrough(farm: DiskFarm, fault: DiskFault): Promise<{ seen: number; failed: number }> {
  const snapshot = await farm.current()
  farm.disk.fail(fault)
  const what = `${fault.error} ${fault.once === true ? 'at' : 'from'} call ${fault.skip}`
  const hot = await farm.package(snapshot, farm.find('hot'))
  assert.deepEqual([hot.status, hot.complete, hot.headers['x-cache']], [200, true, 'hit'], what)
  await farm.checkRepodata(snapshot)
  // Its client may see one broken connection, when the disk fails in the middle of its body; never twice.
  const cold = farm.find('cold')
  const first = await farm.package(snapshot, cold)
  const reply = first.complete ? first : await farm.package(snapshot, cold)
  assert.deepEqual(
    [reply.status, reply.complete],
    [200, true],
    `${what}: ${String(reply.headers['x-pinyon-reason'])}`,
  )
  const view = await farm.get(`/repos/views/job-${fault.error}-${fault.skip}/all_latest.json`)
  assert.ok([200, 500, 503].includes(view.status), `${what}: ${view.status}`)
  farm.publish()
  await farm.sync()
  // Without file descriptors what is neither in memory nor open cannot be read, and upstream has another generation by now.
  await farm.checkRepodata(await farm.current(), { mayBeBusy: fault.error === 'EMFILE' })
  return farm.disk.heal()
}

describe('a disk that fails', () => {
  for (const error of (['ENOSPC', 'EMFILE', 'EIO', 'EROFS'] as const).slice(0, extent({ full: 4, slice: 2 })))
    test(`with ${error}, at any call that writes, syncs or makes a file`, async (t) => {
      const farm = await startFarm(t)
      if (farm === undefined) return
      let rounds = 0
      let most = 0
      for (let skip = 0; ; skip += STRIDES[error]) {
        const once = rounds % 3 === 2
        const { seen, failed } = await liveThrough(farm, { error, operations: OPERATIONS[error], skip, once })
        rounds += 1
        most = Math.max(most, seen)
        // Without a restart, and without waiting.
        const { outcome, error: failure } = await farm.sync()
        assert.ok(outcome !== 'failed', `after ${error} at ${skip}: ${failure}`)
        await farm.checkRepodata(await farm.current())
        await farm.stored(await farm.current(), farm.find('cold'))
        if (failed === 0) break
      }
      t.diagnostic(`${rounds} rounds, of at most ${most} calls`)
      assert.ok(rounds >= 5)
    })
})

for (const workers of [1, 3])
  describe(`a stored file, served by ${workers}`, () => {
    test('that cannot be read is fetched again before its client notices', async (t) => {
      const farm = await startFarm(t, workers)
      if (farm === undefined) return
      const snapshot = await farm.current()
      farm.disk.fail({ error: 'EIO', operations: ['read'] })
      const reply = await farm.package(snapshot, farm.find('large'))
      farm.disk.heal()
      assert.deepEqual([reply.status, reply.complete], [200, true], String(reply.headers['x-pinyon-reason']))
      assert.equal(readdirSync(createLayout(farm.dataDir).quarantine).length, 1)
      const next = await farm.package(snapshot, farm.find('large'))
      assert.deepEqual([next.status, next.complete], [200, true])
    })

    test('that cannot be read or moved away is passed through', async (t) => {
      const farm = await startFarm(t, workers)
      if (farm === undefined) return
      const snapshot = await farm.current()
      farm.disk.fail({ error: 'EIO', operations: ['read', 'write', 'sync', 'name'] })
      for (let round = 0; round < 2; round += 1) {
        const reply = await farm.package(snapshot, farm.find('large'))
        assert.deepEqual(
          [reply.status, reply.complete, reply.headers['x-cache']],
          [200, true, 'bypass'],
          String(reply.headers['x-pinyon-reason']),
        )
      }
      farm.disk.heal()
      const { status, complete, headers } = await farm.package(snapshot, farm.find('large'))
      assert.deepEqual([status, complete], [200, true])
      // Unless it could be moved away at last, by whoever was just trying.
      assert.match(String(headers['x-cache']), /^(hit|fill|join)$/)
    })

    test('that cannot be read to its end is not finished towards its client, and then fetched again', async (t) => {
      const farm = await startFarm(t, workers)
      if (farm === undefined) return
      const snapshot = await farm.current()
      // One piece of two can be read; a failing read is tried twice.
      farm.disk.fail({ error: 'EIO', operations: ['read'], skip: 1 })
      const cut = await farm.package(snapshot, farm.find('large'))
      farm.disk.heal()
      assert.deepEqual([cut.status, cut.complete, cut.body.length > 0], [200, false, true])
      const { status, complete, headers } = await farm.package(snapshot, farm.find('large'))
      assert.deepEqual([status, complete], [200, true])
      // Another process that has it open goes on with that until it is told.
      assert.match(String(headers['x-cache']), workers === 1 ? /^fill$/ : /^(fill|join|hit)$/)
      await farm.stored(snapshot, farm.find('large'))
    })

    test('whose disk fails once is read again', async (t) => {
      const farm = await startFarm(t, workers)
      if (farm === undefined) return
      const snapshot = await farm.current()
      for (const skip of [0, 1]) {
        farm.disk.fail({ error: 'EIO', operations: ['read'], skip, once: true })
        const reply = await farm.package(snapshot, farm.find('large'))
        assert.equal(farm.disk.heal().failed, 1)
        assert.deepEqual([reply.status, reply.complete, reply.headers['x-cache']], [200, true, 'hit'])
      }
    })

    test('that was cut short, also while it is open, is never finished and then fetched again', async (t) => {
      const farm = await startFarm(t, workers)
      if (farm === undefined) return
      const snapshot = await farm.current()
      const large = farm.find('large')
      const path = blobPath(createLayout(farm.dataDir), large.checksum)
      for (const length of [200_000, 0]) {
        // A process that was not asked since may have the one open that was cut short before.
        await farm.stored(snapshot, large, length === 0 ? workers - 1 : 0)
        truncateSync(path, length)
        // Nothing was sent of the empty one, nor by a process that has not had it open: its client notices nothing.
        const { status, complete } = await farm.package(snapshot, large)
        if (workers === 1) assert.deepEqual([status, complete], [200, length === 0])
        assert.equal(status, 200)
        await farm.stored(snapshot, large, complete ? workers : workers - 1)
        assert.deepEqual(readFileSync(path), readFileSync(large.path))
      }
      if (workers === 1) assert.equal(readdirSync(join(farm.dataDir, 'quarantine')).length, 1)
    })
  })
