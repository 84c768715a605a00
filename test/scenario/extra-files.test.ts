import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'

import { digestOf } from '../../src/model/digest.ts'
import { httpGet } from '../support/http-get.ts'
import { startNginx } from '../support/nginx.ts'
import { startApp, type StartedApp, type StartedMirror } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// What a repository has beside its packages and what repomd.xml names.

const DRPM = Buffer.from('a delta')
const KERNEL = Buffer.from('a kernel')
const TREEINFO = `[general]\nfamily = X\n[checksums]\nimages/vmlinuz = ${digestOf(KERNEL)}\nimages/gone.img = ${digestOf('gone')}\n`

function createTree(t: TestContext) {
  const dir = tempDir(t)
  const write = (path: string, bytes: string | Buffer) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), bytes)
  }
  write('drpms/a.drpm', DRPM)
  write('images/vmlinuz', KERNEL)
  write('.treeinfo', TREEINFO)
  write('media.1/media', 'SUSE\n')
  write('private', 'not asked for\n')
  const checksum = `<checksum type="sha256">${digestOf(DRPM).slice(7)}</checksum><size>${DRPM.length}</size>`
  const content = `<prestodelta><newpackage name="a"><delta><filename>drpms/a.drpm</filename>${checksum}</delta></newpackage></prestodelta>`
  const publish = (revision: number) =>
    writeSyntheticRepository(dir, {
      packages: [{ name: 'a', version: `${revision}` }],
      records: [{ type: 'prestodelta', content }],
      revision: 1_577_836_800 + revision,
    })
  publish(1)
  return { dir, write, publish }
}

async function startTree(t: TestContext, settings: Partial<StartedMirror>) {
  const tree = createTree(t)
  const upstream = await startUpstream(t, tree.dir)
  const farm = await startApp(t, { mirrors: { m: { baseurls: [upstream.url], ...settings } } })
  await farm.sync('m')
  const base = await farm.current('m')
  return { ...tree, upstream, farm, base, get: (path: string) => httpGet(`${base}/${path}`) }
}

/** What status says of extra_files. */
async function problemsOf({ url }: StartedApp): Promise<readonly string[]> {
  const { body } = await httpGet(`${url}/api/v1/mirrors/m`)
  return (JSON.parse(body.toString()) as { extra_file_problems: readonly string[] }).extra_file_problems
}

async function readUrl(url: string): Promise<string> {
  return (await httpGet(url)).body.toString()
}

const NGINX = needs('nginx')

describe('files beside the packages', () => {
  test('delta rpms are part of the snapshot that lists them, and are fetched once', async (t) => {
    const { get, upstream, dir } = await startTree(t, {})
    assert.equal(upstream.count(/drpm/), 0)
    for (let time = 0; time < 2; time += 1) {
      const { status, body, headers } = await get('drpms/a.drpm')
      assert.deepEqual([status, body], [200, DRPM])
      assert.equal(headers['etag'], `"${digestOf(DRPM).slice(7)}"`)
    }
    assert.equal(upstream.count(/drpm/), 1)
    rmSync(join(dir, 'drpms'), { recursive: true })
    assert.equal((await get('drpms/a.drpm')).status, 200)
    assert.match((await get('drpms/')).body.toString(), />a\.drpm</)
  })

  test('what is not configured is not there, and nobody asks for it', async (t) => {
    const { get, upstream } = await startTree(t, {})
    for (const path of ['.treeinfo', 'media.1/media', 'images/vmlinuz', 'private', 'LICENSE'])
      assert.equal((await get(path)).status, 404, path)
    assert.equal(upstream.count(/treeinfo|media|images|private|LICENSE/), 0)
  })

  test('configured ones are pinned as they were, with what a .treeinfo lists, and absent ones are 404', async (t) => {
    const extraFiles = ['.treeinfo', 'media.1/media', 'LICENSE']
    const { get, write, publish, farm, upstream } = await startTree(t, { extraFiles })
    assert.equal(upstream.count(/images/), 0)
    assert.equal((await get('images/vmlinuz')).body.toString(), KERNEL.toString())
    write('.treeinfo', '[general]\nfamily = Y\n')
    write('images/vmlinuz', 'another kernel')
    publish(2)
    await farm.sync('m')
    assert.equal((await get('.treeinfo')).body.toString(), TREEINFO)
    assert.equal((await get('media.1/media')).body.toString(), 'SUSE\n')
    assert.equal((await get('images/vmlinuz')).body.toString(), KERNEL.toString())
    assert.equal((await get('images/gone.img')).status, 502)
    for (const path of ['LICENSE', 'private']) assert.equal((await get(path)).status, 404)
    const current = await farm.current('m')
    assert.equal((await httpGet(`${current}/.treeinfo`)).body.toString(), '[general]\nfamily = Y\n')
    assert.equal((await httpGet(`${current}/images/vmlinuz`)).status, 404)
  })

  test('are never other bytes than those of their checksum', async (t) => {
    const { get, write } = await startTree(t, { extraFiles: ['.treeinfo'] })
    write('images/vmlinuz', 'a kernal')
    const { status, headers } = await get('images/vmlinuz')
    assert.equal(status, 502)
    assert.match(String(headers['x-pinyon-reason']), /sha256/)
  })

  test('that patterns stand for are found in what the server shows of a directory', NGINX, async (t) => {
    for (const format of ['html', 'json']) {
      const tree = createTree(t)
      for (const name of ['RPM-GPG-KEY-a', 'RPM-GPG-KEY-b c', 'README', 'a.rpm']) tree.write(name, name)
      tree.write('docs/one.txt', 'one')
      const server = `location / { root ${tree.dir}; autoindex on; autoindex_format ${format}; }`
      const { url } = await startNginx(t, tree.dir, { server })
      const extraFiles = ['RPM-GPG-KEY-*', 'docs/*.txt', 'docs/none-*', '*.rpm']
      const farm = await startApp(t, { mirrors: { m: { baseurls: [url], extraFiles } } })
      await farm.sync('m')
      const base = await farm.current('m')
      const read = async (path: string) => (await httpGet(`${base}/${path}`)).body.toString()
      assert.equal(await read('RPM-GPG-KEY-a'), 'RPM-GPG-KEY-a')
      assert.equal(await read('RPM-GPG-KEY-b%20c'), 'RPM-GPG-KEY-b c')
      assert.equal(await read('docs/one.txt'), 'one')
      for (const path of ['README', 'a.rpm']) assert.equal((await httpGet(`${base}/${path}`)).status, 404)
      assert.deepEqual(await problemsOf(farm), [])
    }
  })

  test('that patterns stand for are found in a directory of this machine', async (t) => {
    const { dir, write } = createTree(t)
    write('RPM-GPG-KEY-a', 'a')
    const baseurls = [`${pathToFileURL(dir).href}/`]
    const farm = await startApp(t, {
      mirrors: { m: { baseurls, extraFiles: ['RPM-GPG-KEY-*', 'media.1/*'] } },
    })
    await farm.sync('m')
    const base = await farm.current('m')
    for (const path of ['RPM-GPG-KEY-a', 'media.1/media'])
      assert.equal((await httpGet(`${base}/${path}`)).status, 200)
  })

  test('that patterns stand for are found in a list of checksums, and fetched when they are asked for', async (t) => {
    const tree = await startTree(t, { extraFiles: ['boot/x86_64/*', 'RPM-GPG-KEY-*'], strict: true })
    assert.match(
      (await problemsOf(tree.farm)).join(),
      /RPM-GPG-KEY-\*: it cannot be told which files it stands for: /,
    )
    tree.write('boot/x86_64/linux', KERNEL)
    tree.write(
      'CHECKSUMS',
      `${digestOf(KERNEL).slice(7)}  boot/x86_64/linux\n${digestOf('x').slice(7)}  EULA\n`,
    )
    tree.publish(2)
    await tree.farm.sync('m')
    assert.equal(tree.upstream.count('boot/x86_64/linux'), 0)
    const base = await tree.farm.current('m')
    assert.equal((await httpGet(`${base}/boot/x86_64/linux`)).body.toString(), KERNEL.toString())
    assert.equal((await httpGet(`${base}/EULA`)).status, 404)
    assert.equal((await problemsOf(tree.farm)).length, 1, 'of the other one nothing is known still')
  })

  test('are told of when they are too large or too many', async (t) => {
    const tree = createTree(t)
    tree.write('large', Buffer.alloc((8 << 20) + 1))
    for (let index = 0; index < 300; index += 1) tree.write(`many/${index}`, 'x')
    for (let index = 0; index < 3; index += 1) tree.write(`few/${index}`, 'x')
    const baseurls = [`${pathToFileURL(tree.dir).href}/`]
    const extraFiles = ['large', 'few/*', 'many/*', 'LICENSE']
    const farm = await startApp(t, { mirrors: { m: { baseurls, extraFiles } } })
    await farm.sync('m')
    const base = await farm.current('m')
    const statusOf = async (path: string) => (await httpGet(`${base}/${path}`)).status
    assert.deepEqual(
      await Promise.all(['large', 'few/1', 'many/1', 'LICENSE'].map(statusOf)),
      [404, 200, 404, 404],
    )
    const [large = '', many = '', ...others] = await problemsOf(farm)
    assert.match(large, /^large: it is not pinned: .*8388608/)
    assert.match(many, /^many\/\*: patterns stand for more than 256 files, so it pins none$/)
    assert.deepEqual(others, [])
  })

  test('are told of when their listing is too large to be read', async (t) => {
    const tree = createTree(t)
    const upstream = await startUpstream(t, tree.dir)
    tree.write('big.html', '<a href="RPM-GPG-KEY-a">x</a>'.repeat(100_000))
    upstream.rules = [{ match: (path) => path === '/', redirectTo: '/big.html' }]
    const farm = await startApp(t, { mirrors: { m: { baseurls: [upstream.url], extraFiles: ['RPM-*'] } } })
    await farm.sync('m')
    assert.match(
      (await problemsOf(farm)).join(),
      /^RPM-\*: it cannot be told .* is larger than: 2097152 bytes$/,
    )
  })

  test('that nobody asked for are pinned where they are there, and cost a sync nothing where they are in trouble', async (t) => {
    const tree = createTree(t)
    tree.write('LICENSE', 'free\n')
    const upstream = await startUpstream(t, tree.dir)
    upstream.rules = [
      { match: '.treeinfo', html: true },
      { match: 'media.1/media', status: 500 },
      { match: (path) => path === '/', hangUp: true },
    ]
    const farm = await startApp(t, { mirrors: { m: { baseurls: [upstream.url], extraFiles: 'usual' } } })
    await farm.sync('m')
    const base = await farm.current('m')
    assert.equal((await httpGet(`${base}/LICENSE`)).body.toString(), 'free\n')
    for (const path of ['.treeinfo', 'media.1/media'])
      assert.equal((await httpGet(`${base}/${path}`)).status, 404)
    assert.deepEqual(await problemsOf(farm), [])
  })

  test('are no pages in their place, whatever these begin with', async (t) => {
    const tree = createTree(t)
    tree.write('.treeinfo', '\ufeff<!DOCTYPE html><title>log in</title>')
    tree.write(
      'media.1/media',
      '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "">',
    )
    const upstream = await startUpstream(t, tree.dir)
    const farm = await startApp(t, { mirrors: { m: { baseurls: [upstream.url], extraFiles: 'usual' } } })
    await farm.sync('m')
    const base = await farm.current('m')
    for (const path of ['.treeinfo', 'media.1/media'])
      assert.equal((await httpGet(`${base}/${path}`)).status, 404, path)
  })

  test('that change alone make a snapshot, which is told, when somebody asks or after a day', async (t) => {
    let nowMs = Date.now()
    const tree = createTree(t)
    const upstream = await startUpstream(t, tree.dir)
    const mirror = { baseurls: [upstream.url], extraFiles: ['.treeinfo', 'media.1/media'] }
    const farm = await startApp(t, { mirrors: { m: mirror }, now: () => nowMs })
    await farm.sync('m')
    const first = await farm.current('m')
    const asked = upstream.requests.length
    tree.write('.treeinfo', '[general]\nfamily = Y\n')
    rmSync(join(tree.dir, 'media.1'), { recursive: true })
    assert.equal((await farm.sync('m')).outcome, 'unchanged')
    assert.equal(upstream.requests.length, asked + 1, 'the schedule asks for repomd.xml alone')

    const result = await farm.app.sync('m', 'socket user somebody')
    assert.ok(result.outcome === 'published')
    assert.deepEqual([result.extraFiles, result.added, result.removed], [['.treeinfo'], 0, 0])
    const second = await farm.current('m')
    assert.equal(await readUrl(`${second}/.treeinfo`), '[general]\nfamily = Y\n')
    assert.equal(await readUrl(`${first}/.treeinfo`), TREEINFO)
    assert.equal(await readUrl(`${first}/media.1/media`), 'SUSE\n')
    assert.equal((await farm.app.sync('m', 'socket user somebody')).outcome, 'unchanged')

    tree.write('.treeinfo', '[general]\nfamily = Z\n')
    nowMs += 25 * 3_600_000
    assert.equal((await farm.sync('m')).outcome, 'published')
    // What is gone, or cannot be had just now, is no news.
    rmSync(join(tree.dir, '.treeinfo'))
    assert.equal((await farm.app.sync('m', 'socket user somebody')).outcome, 'unchanged')
    upstream.rules = [{ match: '.treeinfo', status: 500 }]
    assert.equal((await farm.app.sync('m', 'socket user somebody')).outcome, 'unchanged')
  })

  test('are fetched ahead with everything else, and saved while they can be when a pin or a view holds them', async (t) => {
    const tree = createTree(t)
    const upstream = await startUpstream(t, tree.dir)
    const policy = { extraFiles: ['.treeinfo'], baseurls: [upstream.url] }
    const all = await startApp(t, { mirrors: { m: { ...policy, policy: 'immediate' } } })
    await all.sync('m')
    await all.app.prefetcher.settled('m')
    assert.equal(upstream.count('images/vmlinuz'), 1)
    assert.equal(upstream.count('drpms/a.drpm'), 1)

    const some = await startApp(t, { mirrors: { m: { ...policy, policy: 'warm' } } })
    await some.sync('m')
    await some.app.prefetcher.settled('m')
    assert.equal(upstream.count('images/vmlinuz'), 1)
    const base = await some.current('m')
    await httpGet(`${some.url}/repos/views/job/all_latest.json`)
    tree.write('.treeinfo', '[general]\nfamily = Y\n')
    tree.publish(2)
    await some.sync('m')
    await some.app.prefetcher.settled('m')
    assert.equal(upstream.count('images/vmlinuz'), 2, 'upstream may drop it now')
    assert.equal(upstream.count('images/gone.img'), 2)
    const snapshot = base.split('/').at(-1) ?? ''
    const { body } = await httpGet(`${some.url}/api/v1/mirrors/m/snapshots/${snapshot}`)
    const { extra_files: counts } = JSON.parse(body.toString()) as { extra_files: unknown }
    assert.deepEqual(counts, { pinned: 1, listed: 3, cached: 1, at_risk: 1 })
    tree.publish(3)
    await some.sync('m')
    await some.app.prefetcher.settled('m')
    assert.equal(upstream.count('images/gone.img'), 2, 'what is not there is not asked for again and again')
  })

  test('are explained by what states their digest', async (t) => {
    const { base, farm } = await startTree(t, { extraFiles: ['.treeinfo'] })
    const why = async (path: string) => {
      const { pathname } = new URL(`${base}/${path}`)
      const { body } = await httpGet(`${farm.url}/api/v1/why?path=${encodeURIComponent(pathname)}`)
      const { kind, file } = JSON.parse(body.toString()) as {
        kind: string
        file: { stated_by: string; stated_in: string | null }
      }
      return [kind, file.stated_by, file.stated_in]
    }
    assert.deepEqual(await why('.treeinfo'), ['extra', 'sync', null])
    assert.deepEqual(await why('images/vmlinuz'), ['extra', 'list', '.treeinfo'])
    const [kind, by, list] = await why('drpms/a.drpm')
    assert.deepEqual(
      [kind, by, list?.replace(/[0-9a-f]{64}-/, '')],
      ['extra', 'list', 'repodata/prestodelta.xml.gz'],
    )
    assert.deepEqual(await why('repodata/repomd.xml'), ['repodata', 'sync', null])
    for (const path of ['.treeinfo', 'images/vmlinuz']) await httpGet(`${base}/${path}`)
    const figures = (await httpGet(`${farm.url}/metrics`)).body.toString()
    const asked = [
      ...figures.matchAll(/^pinyon_requests_total\{kind="(\w+)",outcome="(?:hit|fill)"\} [1-9]/gm),
    ]
    const kinds = asked.map(([, one]) => one)
    assert.deepEqual([kinds.includes('extra'), kinds.includes('package')], [true, false])
  })
})
