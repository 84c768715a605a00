import assert from 'node:assert/strict'
import { existsSync, readdirSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { forgetYumCache } from '../../../src/cli/inject/yum-cache.ts'
import { loadAsYum3, type Yum3Loaded } from '../../support/yum3-cache.ts'
import { dataIndex, startJob, type Job } from './job.ts'

// yum 3 remembers by repository id which state it saw, and takes none that is older: after a rollback it would go on with the broken one.

const OLD = 'http://mirrors.example.org/repos/yum/base-el7/2026-11-01-00-00'
const NEWER = 'http://mirrors.example.org/repos/yum/base-el7/2026-11-22-02-13'
const REPO_FILE = 'image/etc/yum.repos.d/base.repo'
const CACHE = 'image/var/cache/yum/x86_64/7/base-el7'

const repomd = (timestamp: number) =>
  Buffer.from(`<repomd><data type="primary"><timestamp>${timestamp}</timestamp></data></repomd>`)
const SNAPSHOTS: Readonly<Record<string, Buffer>> = { [OLD]: repomd(1_000), [NEWER]: repomd(2_000) }

/** Seconds that the machine's configuration was left alone before anything happens. */
const HOUR = 3600

interface Slave {
  readonly job: Job
  /** Injects an index of this snapshot. */
  readonly inject: (snapshot: string, ...args: readonly string[]) => Promise<string>
  /** What yum goes on with, and why. */
  readonly load: (metadataExpire?: number) => Yum3Loaded & { readonly snapshot: string | undefined }
}

/** An EL7 machine whose yum has seen the newer snapshot. */
async function startSlave(t: TestContext): Promise<Slave> {
  const job = startJob(t, {
    'image/etc/yum.conf': '[main]\ncachedir=/var/cache/yum/$basearch/$releasever\n',
    [REPO_FILE]: '[base-el7]\nname=base\nmirrorlist=http://upstream.example.org/\n',
    [`${CACHE}/gen/primary.sqlite`]: '',
  })
  const configFiles = ['image/etc/yum.conf', REPO_FILE].map((name) => join(job.dir, name))
  const load = (metadataExpire?: number) => {
    const baseurl = /^baseurl=(.*)$/m.exec(job.read(REPO_FILE))?.[1] ?? ''
    const loaded = loadAsYum3({
      cacheDir: join(job.dir, CACHE),
      configFiles,
      fetch: () => SNAPSHOTS[baseurl],
      now: Date.now() / 1000,
      ...(metadataExpire === undefined ? {} : { metadataExpire }),
    })
    const [snapshot] = Object.entries(SNAPSHOTS).find(([, bytes]) => bytes.equals(loaded.repomd)) ?? []
    return { ...loaded, snapshot }
  }
  const inject = async (snapshot: string, ...args: readonly string[]) => {
    const index = dataIndex({ 'base-el7': snapshot })
    const { code, stdout, stderr } = await job.inject([
      ...args,
      '--index',
      index,
      '--root',
      'image',
      '/etc/yum.repos.d',
    ])
    assert.equal(code, 0, stderr)
    return stdout
  }
  await inject(NEWER)
  assert.equal(load().snapshot, NEWER)
  return { job, inject, load }
}

describe('a rollback on a machine with yum 3', () => {
  test('alone has no effect: yum asks, and goes on with the newer state', async (t) => {
    const { inject, load, job } = await startSlave(t)
    await inject(OLD, '--keep-yum-cache')
    // Else the cookie, which may be of the same second, would vouch for the newer state without a question.
    const later = Date.now() / 1000 + HOUR
    utimesSync(join(job.dir, REPO_FILE), later, later)
    const { snapshot, why } = load()
    assert.deepEqual([snapshot, why], [NEWER, 'older was ignored'])
  })

  test('takes effect with what pinyon inject removes from the cache, and nothing else goes', async (t) => {
    const { inject, load, job } = await startSlave(t)
    const report = JSON.parse(await inject(OLD, '--json')) as { yum_cache_removed: string[] }
    assert.deepEqual(
      report.yum_cache_removed,
      ['repomd.xml', 'cachecookie'].map((name) => join(job.dir, CACHE, name)),
    )
    assert.deepEqual(readdirSync(join(job.dir, CACHE)), ['gen'])
    const { snapshot, why } = load()
    assert.deepEqual([snapshot, why], [OLD, 'fetched'])
    await inject(NEWER)
    assert.equal(load().snapshot, NEWER)
  })

  test('takes effect though yum never lets metadata expire, or the cookie is younger than the file', async (t) => {
    const { inject, load, job } = await startSlave(t)
    const soon = Date.now() / 1000 + HOUR
    const cookie = join(job.dir, CACHE, 'cachecookie')
    utimesSync(cookie, soon, soon)
    await inject(OLD, '--keep-yum-cache')
    assert.deepEqual([load().why, load(-1).why], ['cached', 'cached'], 'it would not even ask')
    await inject(NEWER, '--keep-yum-cache')
    utimesSync(cookie, soon, soon)
    await inject(OLD)
    assert.deepEqual([load(-1).snapshot, load().snapshot], [OLD, OLD])
  })

  test('the same snapshot again, a dry run, or a file that yum does not read leave the cache', async (t) => {
    const { inject, load, job } = await startSlave(t)
    await inject(NEWER)
    await inject(OLD, '--dry-run')
    job.write('image/srv/base.repo', '[base-el7]\nname=x\n')
    await job.inject(['--index', dataIndex({ 'base-el7': OLD }), '--root', 'image', '/srv/base.repo'])
    assert.equal(load().why, 'cached')
  })

  test('a snapshot that is not written leaves the cache as well', async (t) => {
    const { job, load } = await startSlave(t)
    job.write('image/etc/yum.repos.d/bad.repo', 'x')
    const { code } = await job.inject([
      '--index',
      dataIndex({ 'base-el7': OLD }),
      '--root',
      'image',
      '/etc/yum.repos.d',
    ])
    assert.deepEqual([code, load().why], [1, 'cached'])
  })
})

describe("yum's cache", () => {
  const FILES = ['repomd.xml', 'cachecookie']

  test('is found by cachedir with variables, where yum has it by default, and with what its library appends', async (t) => {
    const places = [
      'var/cache/yum/a',
      'var/cache/yum/x86_64/7/a',
      'srv/cache/7/c/a',
      'srv/cache/7/c/x86_64/7/a',
    ]
    const others = ['var/cache/yum/x86_64/7/ab', 'var/cache/yum/x86_64/a', 'srv/a']
    const job = startJob(t, { 'etc/yum.conf': '[main]\ncachedir = /srv/cache/${releasever}/c/\n' })
    for (const place of [...places, ...others]) for (const file of FILES) job.write(join(place, file), '')
    const removed = await forgetYumCache(job.dir, ['a'])
    assert.deepEqual(
      removed.toSorted(),
      places.flatMap((place) => FILES.map((file) => join(job.dir, place, file))).toSorted(),
    )
    for (const place of others) assert.ok(existsSync(join(job.dir, place, 'repomd.xml')), place)
  })

  test('of an id with an unknown variable is any that it may mean; other signs mean themselves', async (t) => {
    const job = startJob(t)
    for (const id of ['a-7-x', 'a-8-x', 'a-y', '[b]', 'b']) job.write(`var/cache/yum/${id}/repomd.xml`, '')
    const removed = await forgetYumCache(job.dir, [
      'a-$releasever-x',
      '[b]',
      '*',
      '../yum/a-y',
      '..',
      '.',
      '',
    ])
    assert.deepEqual(removed.map((path) => path.split('/').at(-2) ?? '').toSorted(), [
      '[b]',
      'a-7-x',
      'a-8-x',
    ])
  })

  test('is never looked for outside the root', async (t) => {
    const job = startJob(t, { 'outside/a/repomd.xml': '', 'image/etc/yum.conf': '[main]\ncachedir=/cache\n' })
    symlinkSync(join(job.dir, 'outside'), join(job.dir, 'image/cache'))
    symlinkSync('../outside', join(job.dir, 'image/up'))
    assert.deepEqual(await forgetYumCache(join(job.dir, 'image'), ['a']), [])
    assert.ok(existsSync(join(job.dir, 'outside/a/repomd.xml')))
  })

  test('that is not there, or of no repository, is nothing', async (t) => {
    const job = startJob(t, { 'etc/yum.conf': 'no configuration' })
    assert.deepEqual(await forgetYumCache(job.dir, ['a']), [])
    assert.deepEqual(await forgetYumCache(job.dir, []), [])
  })

  test('that cannot be cleared fails, and names what', async (t) => {
    const job = startJob(t, { 'var/cache/yum/a/repomd.xml/x': '' })
    await assert.rejects(forgetYumCache(job.dir, ['a']), {
      code: 'STORE_FAILED',
      message: /^clearing yum's cache, \S+\/a\/repomd\.xml: (?:EISDIR|EPERM)$/,
    })
  })
})
