import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { httpGet } from '../../support/http-get.ts'
import { loadAsYum3, type Yum3Loaded } from '../../support/yum3-cache.ts'
import { startFarm, type Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import { write, YUM_CACHE } from './slave.ts'

// yum 3 caches by repository id and never goes back to an older repomd.xml: a begin has to make it, and a rollback has to make it forget.

interface Slave extends Farm {
  /** What yum goes on with: the snapshot whose repomd.xml it has, or `upstream`. */
  readonly load: () => Promise<readonly [state: string | undefined, why: Yum3Loaded['why']]>
  /** URLs of the two snapshots of `m`. */
  readonly older: string
  readonly newer: string
}

/** Before its first transaction this machine went to upstream, which is newer than any snapshot. */
async function start(t: TestContext): Promise<Slave> {
  const farm = await startFarm(t)
  const older = await farm.current('m')
  await farm.publish()
  const newer = await farm.current('m')
  const states = new Map<string, string>([['upstream', repomd(4_000_000_000)]])
  for (const url of [older, newer])
    states.set(url, (await httpGet(`${url}/repodata/repomd.xml`)).body.toString())
  const files = ['etc/dnf/dnf.conf', 'etc/yum.repos.d/m.repo'].map((name) => join(farm.root, name))
  rmSync(join(farm.root, YUM_CACHE), { recursive: true })
  rmSync(join(farm.root, 'etc/yum.repos.d/twice.repo'))
  const load: Slave['load'] = async () => {
    const baseurl = /^baseurl=(.*)$/m.exec(readFileSync(files[1] ?? '', 'utf8'))?.[1] ?? 'upstream'
    const loaded = loadAsYum3({
      cacheDir: join(farm.root, YUM_CACHE),
      configFiles: files,
      fetch: () => Buffer.from(states.get(baseurl) ?? ''),
      now: Date.now() / 1000,
    })
    const state = [...states].find(([, text]) => loaded.repomd.toString() === text)?.[0]
    return [state, loaded.why]
  }
  assert.deepEqual(await load(), ['upstream', 'fetched'])
  write(farm.root, join(YUM_CACHE, 'primary.sqlite'), 'of upstream')
  return { ...farm, load, older, newer }
}

function repomd(timestamp: number): string {
  return `<repomd><data type="primary"><timestamp>${timestamp}</timestamp></data></repomd>`
}

describe('yum 3 with a warm cache', () => {
  test('takes what begin points it at although that is older, and goes back with the rollback', async (t) => {
    const { client, root, load, newer } = await start(t)
    const before = manifest(root)
    await client.must(['begin', '--view', 'job-1'])
    assert.deepEqual(await load(), [newer, 'fetched'])
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
    assert.deepEqual(await load(), ['upstream', 'cached'])
    assert.equal(readFileSync(join(root, YUM_CACHE, 'primary.sqlite'), 'utf8'), 'of upstream')
  })

  test('takes an older snapshot after a roll-back of the farm', async (t) => {
    const { client, root, load, newer, older } = await start(t)
    await client.must(['begin', '--view', 'job-1'])
    assert.equal((await load())[0], newer)
    await client.must(['commit'])
    // A next job's set of repositories is pinned to what was before.
    write(root, 'pinned.conf', `[main]\n[m]\nbaseurl=${older}\n`)
    write(root, 'etc/yum.repos.d/m.repo', `[m]\nbaseurl=${older}\n`)
    // Else the cookie, which may be of the same second, would vouch for the newer one without a question.
    const later = Date.now() / 1000 + 3600
    utimesSync(join(root, 'etc/yum.repos.d/m.repo'), later, later)
    assert.deepEqual(await load(), [newer, 'older was ignored'], 'yum alone would not')
    await client.must(['begin', '--conf', join(root, 'pinned.conf')])
    assert.deepEqual(await load(), [older, 'fetched'])
    await client.must(['rollback'])
    assert.equal((await load())[0], newer, 'as before begin')
  })

  test('forgets what the job alone has cached', async (t) => {
    const { client, root, load, newer } = await start(t)
    rmSync(join(root, 'var/cache/yum'), { recursive: true })
    await client.must(['begin', '--view', 'job-1'])
    assert.equal((await load())[0], newer)
    await client.must(['rollback'])
    assert.deepEqual(readdirSync(join(root, YUM_CACHE)), [])
    assert.deepEqual(await load(), ['upstream', 'fetched'])
  })

  test('keeps its cache where the URL stays the same', async (t) => {
    const { client, root, load, newer } = await start(t)
    await client.must(['begin', '--view', 'job-1'])
    await load()
    await client.must(['commit'])
    await client.must(['begin', '--view', 'job-1'])
    assert.ok(existsSync(join(root, YUM_CACHE, 'repomd.xml')))
    assert.deepEqual(await load(), [newer, 'cached'])
  })

  test('has its cache where yum.conf says', async (t) => {
    const { client, root } = await start(t)
    write(root, 'etc/dnf/dnf.conf', '[main]\ncachedir: /srv/my cache/${basearch}-$releasever/x \n')
    write(root, 'srv/my cache/x86_64-6/x/m/repomd.xml', 'old')
    write(root, 'srv/my cache/x86_64-6/x/unrelated/repomd.xml', 'old')
    const before = manifest(root)
    await client.must(['begin'])
    assert.equal(existsSync(join(root, 'srv/my cache/x86_64-6/x/m/repomd.xml')), false)
    assert.equal(existsSync(join(root, 'srv/my cache/x86_64-6/x/unrelated/repomd.xml')), true)
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
  })
})
