import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { DnfRoot } from '../support/dnf.ts'
import { startNginx, type Nginx } from '../support/nginx.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms, rpmFileName, type RpmSpec } from '../support/rpm.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// The main job, with real parts: rpmbuild and createrepo_c make the repository, nginx is upstream, dnf is the client.

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c', 'nginx')

/** `app` needs lib-1 … lib-16, each the next; lib-16 in version 2 comes later. Beside them things nobody asks for. */
const LIBRARIES = Array.from({ length: 16 }, (_, index): RpmSpec => {
  const requires = index < 15 ? [`lib-${index + 2}`] : []
  return { name: `lib-${index + 1}`, version: '1.0', requires, sizeBytes: 20_000 }
})
const OTHERS = Array.from({ length: 18 }, (_, index): RpmSpec => ({
  name: `other+${index}`,
  version: '2.0~rc1^git',
}))
const SPECS: readonly RpmSpec[] = [{ name: 'app', requires: ['lib-1 >= 1.0'] }, ...LIBRARIES, ...OTHERS]
const INSTALLED = ['app', ...LIBRARIES.map(({ name }) => name)]
  .map((name) => `${name}-1.0-1.noarch`)
  .toSorted()

interface Farm extends StartedApp {
  readonly tree: RepositoryTree
  readonly nginx: Nginx
}

async function startFarm(t: TestContext): Promise<Farm> {
  const dir = tempDir(t)
  const tree = new RepositoryTree(join(dir, 'upstream')).add(...(await buildRpms(SPECS, join(dir, 'rpms'))))
  await tree.publish()
  const nginx = await startNginx(t, tree.dir, { accessLog: true })
  const app = await startApp(t, { mirrors: { el9: nginx.url } })
  await app.sync('el9')
  return { ...app, tree, nginx }
}

test('dnf installs a package with 16 dependencies, cold, and warm with upstream gone', TOOLS, async (t) => {
  const farm = await startFarm(t)
  const baseurl = await farm.current('el9')
  const cold = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl }])
  const result = await cold.install('app')
  assert.equal(result.code, 0, result.stderr)
  assert.deepEqual(await cold.installed(), INSTALLED)
  await farm.nginx.stop()
  const requests = farm.nginx
    .accessLog()
    .split('\n')
    .filter((line) => line.includes('.rpm'))
  assert.equal(requests.length, INSTALLED.length, 'each package was fetched once, and nothing else')
  const warm = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl }])
  const again = await warm.install('app')
  assert.equal(again.code, 0, again.stderr)
  assert.deepEqual(await warm.installed(), INSTALLED)
})

test('makecache, repoquery and download work with and without a trailing slash', TOOLS, async (t) => {
  const farm = await startFarm(t)
  for (const slash of ['', '/']) {
    const root = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl: `${await farm.current('el9')}${slash}` }])
    const cached = await root.makecache()
    assert.equal(cached.code, 0, cached.stderr)
    const listed = await root.repoquery('--queryformat=%{name}')
    assert.deepEqual(listed.stdout.trim().split('\n').toSorted(), SPECS.map(({ name }) => name).toSorted())
    const destination = tempDir(t)
    const downloaded = await root.download(destination, 'other+3', 'lib-7')
    assert.equal(downloaded.code, 0, downloaded.stderr)
    const expected = SPECS.filter(({ name }) => name === 'other+3' || name === 'lib-7').map(rpmFileName)
    assert.deepEqual(readdirSync(destination).toSorted(), expected.toSorted())
  }
})

test('a job on an old snapshot goes on seeing the old state while upstream moves on', TOOLS, async (t) => {
  const farm = await startFarm(t)
  const old = await farm.current('el9')
  const before = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl: old }])
  assert.equal((await before.install('app')).code, 0)

  // One added, one updated, one removed with its file deleted; the old version of the updated one is deleted as well.
  const rpms = await buildRpms([{ name: 'lib-16', version: '2.0' }, { name: 'newcomer' }], tempDir(t))
  farm.tree.add(...rpms).remove('lib-16-1.0-1.noarch.rpm', 'other+0-2.0~rc1^git-1.noarch.rpm')
  await farm.tree.publish()
  const result = await farm.sync('el9')
  assert.equal(result.outcome, 'published')
  const now = await farm.current('el9')
  assert.notEqual(now, old)

  const job = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl: old }])
  assert.equal(
    (await job.install('app')).code,
    0,
    'what was fetched before is there though upstream deleted it',
  )
  assert.deepEqual(await job.installed(), INSTALLED)
  const names = (await job.repoquery('--queryformat=%{name}-%{version}')).stdout.trim().split('\n')
  assert.ok(names.includes('lib-16-1.0') && !names.includes('lib-16-2.0') && !names.includes('newcomer-1.0'))

  const next = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl: now }])
  assert.equal((await next.install('app', 'newcomer')).code, 0)
  assert.ok((await next.installed()).includes('lib-16-2.0-1.noarch'))
  assert.equal((await next.repoquery('other+0')).stdout, '')
})
