import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { gate } from '../support/gate.ts'
import { FailingFileSystem, ReadOnlyCover } from '../support/read-only-disk.ts'
import { startServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { DiskFarm } from './disk-farm.ts'

// A disk that the kernel itself makes read-only while a server runs on it, and a fill is under way: what is there is served, what is
// not passes through, nothing is published, and once it can be written to again so is everything.

/** Lives on a disk that becomes read-only by `fail`; gives the name of the snapshot that was current all the time. */
async function liveThrough(farm: DiskFarm, fail: () => void): Promise<string> {
  assert.equal((await farm.sync()).outcome, 'published')
  const snapshot = await farm.current()
  for (const name of ['hot', 'large']) await farm.stored(snapshot, farm.find(name))
  const cold = farm.find('cold')
  const rest = gate()
  farm.upstream.rules = [{ match: cold.href, times: 1, stall: { afterBytes: 30_000, until: rest } }]
  const filling = farm.package(snapshot, cold)
  await farm.upstream.waitFor(cold.href)
  try {
    fail()
  } finally {
    rest.open()
  }
  // It may be cut off when it has begun; it is never wrong, and no other is.
  await filling
  for (let round = 0; round < 3; round += 1) {
    for (const name of ['hot', 'large']) {
      const reply = await farm.package(snapshot, farm.find(name))
      assert.deepEqual([reply.status, reply.complete, reply.headers['x-cache']], [200, true, 'hit'], name)
    }
    // A fill may end, in vain, a moment after its client has all of it.
    let reply = await farm.package(snapshot, cold)
    while (reply.headers['x-cache'] === 'join') reply = await farm.package(snapshot, cold)
    assert.deepEqual(
      [reply.status, reply.complete, reply.headers['x-cache']],
      [200, true, 'bypass'],
      String(reply.headers['x-pinyon-reason']),
    )
    await farm.checkRepodata(snapshot)
    farm.publish()
    const { outcome } = await farm.sync()
    assert.equal(outcome, 'failed')
    assert.equal(await farm.current(), snapshot)
    for (const path of ['/repos/yum/all_latest.json', '/api/v1/mirrors', '/metrics', '/healthz', '/readyz'])
      assert.equal((await farm.get(path)).status, 200, path)
  }
  return snapshot
}

/** What could not be done is done. */
async function checkWell(farm: DiskFarm, snapshot: string): Promise<void> {
  for (const name of ['hot', 'large']) await farm.stored(snapshot, farm.find(name))
  await farm.checkRepodata(snapshot)
  assert.equal((await farm.sync()).outcome, 'published')
  assert.notEqual(await farm.current(), snapshot)
  await farm.checkRepodata(await farm.current())
  await farm.stored(await farm.current(), farm.find('cold'))
  assert.equal((await farm.get('/repos/views/job/all_latest.json')).status, 200)
}

describe('a disk that becomes read-only', () => {
  test(
    'for all that is opened or renamed there is no trouble to clients, and none at all once it is over',
    needs('root', 'mount'),
    async (t) => {
      const farm = await DiskFarm.startOn(t, tempDir(t))
      const cover = new ReadOnlyCover(t, farm.dataDir)
      if (!cover.isPossible()) return t.skip('nothing can be mounted here')
      const snapshot = await liveThrough(farm, () => cover.put())
      cover.lift()
      await checkWell(farm, snapshot)
    },
  )

  test(
    'as the kernel has found an error is no trouble to clients, and none at all once it is mended',
    needs('root', 'mkfs.ext4', 'e2fsck'),
    async (t) => {
      const disk = FailingFileSystem.create(t)
      if (disk === undefined) return t.skip('no file system can be mounted here')
      const farm = await DiskFarm.startOn(t, disk.directory)
      const snapshot = await liveThrough(farm, () => disk.fail())
      await farm.server.kill('SIGTERM')
      assert.equal(farm.server.process.exitCode, 0)
      disk.mend()
      farm.server = await startServer(t, {
        dir: disk.directory,
        mirrors: { m: { baseurl: farm.upstream.url, retries: 0 } },
      })
      await checkWell(farm, snapshot)
    },
  )
})
