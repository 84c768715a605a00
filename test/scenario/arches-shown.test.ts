import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { rebuild } from '../../src/app/rebuilder.ts'
import { createLayout } from '../../src/cache/layout.ts'
import { ArchFarm, archSettings, baseFor } from '../support/arch-farm.ts'
import { httpGet } from '../support/http-get.ts'
import { createConfig, startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'

const ARCHES = ['aarch64', 'x86_64'] as const
const docs = (version: string) => ({ name: 'docs', version, content: Buffer.from(`docs ${version}`) })

interface Moved {
  readonly name: string
  readonly arches: readonly string[]
}

/** Two snapshots, between which some things changed in one architecture and others in both. */
async function startTwo(t: TestContext, dataDir = tempDir(t)) {
  const all = await ArchFarm.start(t, undefined, { dataDir, publicUrl: 'http://farm.example.org' })
  for (const arch of ARCHES)
    all.publish(arch, [{ name: 'app', arch }, docs('1'), { name: 'tool', content: Buffer.from('tool') }])
  const first = await all.farm.sync('m')
  all.publish('aarch64', [
    { name: 'app', arch: 'aarch64', version: '2.0' },
    docs('2'),
    { name: 'tool', content: Buffer.from('tool') },
  ])
  all.publish('x86_64', [
    { name: 'app', arch: 'x86_64' },
    docs('2'),
    { name: 'own', content: Buffer.from('built here') },
  ])
  const second = await all.farm.sync('m')
  return { all, farm: all.farm, names: [first.snapshot.name, second.snapshot.name] as const }
}

describe('of a mirror of several architectures', () => {
  test('a comparison tells each architecture by itself, and what happened in both once', async (t) => {
    const { all, names } = await startTwo(t)
    const [from, to] = names
    const diff = await all.json<
      Record<'upgraded' | 'added' | 'removed' | 'downgraded' | 'replaced', Moved[]>
    >(`/api/v1/mirrors/m/diff?from=${from}&to=${to}`)
    const tell = (list: readonly Moved[]) => list.map(({ name, arches }) => [name, ...arches])
    assert.deepEqual(tell(diff.upgraded), [
      ['app', 'aarch64'],
      ['docs', 'aarch64', 'x86_64'],
    ])
    assert.deepEqual(tell(diff.removed), [['tool', 'x86_64']])
    assert.deepEqual(tell(diff.added), [['own', 'x86_64']])
    assert.deepEqual([diff.downgraded, diff.replaced], [[], []])
    const page = (await httpGet(`${all.farm.url}/mirrors/m/diff?from=${from}&to=${to}`)).body.toString()
    assert.match(page, /in aarch64, x86_64/)
  })

  test('a package that moves from one to the other was not replaced in place', async (t) => {
    const all = await ArchFarm.start(t)
    all.publish('aarch64', [{ name: 'docs', content: 100 }, { name: 'kept' }])
    all.publish('x86_64', [{ name: 'kept' }])
    await all.farm.sync('m')
    all.publish('aarch64', [{ name: 'kept' }])
    all.publish('x86_64', [{ name: 'docs', content: 200 }, { name: 'kept' }])
    const result = await all.farm.sync('m')
    assert.ok(result.outcome === 'published')
    assert.deepEqual([result.added, result.removed, result.replaced], [1, 1, 0])
    all.publish('x86_64', [{ name: 'docs', content: 300 }, { name: 'kept' }])
    const replaced = await all.farm.sync('m')
    assert.ok(replaced.outcome === 'published')
    assert.equal(replaced.replaced, 1)
  })

  test('API and pages say what it has, and why tells of the repository of one', async (t) => {
    const { all, farm } = await startTwo(t)
    const base = await farm.current('m')
    assert.match(base, /^http:\/\/farm\.example\.org\/.*\/\$basearch$/)
    const view = await all.json<Record<string, unknown> & { sources: Record<string, unknown>[] }>(
      '/api/v1/mirrors/m',
    )
    assert.deepEqual([view['arches'], view['path']], [ARCHES, new URL(base).pathname.replace('%24', '$')])
    assert.deepEqual(
      view.sources.map(({ arch, baseurl }) => [arch, baseurl]),
      ARCHES.map((arch) => [arch, `${all.upstream.url}${arch}/`]),
    )
    // What is for no architecture may be had of the other one as well.
    for (const [href, arches] of [
      ['Packages/a/app-1.0-1.x86_64.rpm', ['x86_64']],
      ['Packages/d/docs-2-1.noarch.rpm', ARCHES],
    ] as const) {
      const path = `${new URL(base).pathname.replace('$basearch', 'x86_64')}/${href}`
      const why = await all.json<{ file: Record<string, unknown> & { sources: { baseurl: string }[] } }>(
        `/api/v1/why?path=${encodeURIComponent(path)}`,
      )
      assert.deepEqual([why.file['href'], why.file['arch']], [href, 'x86_64'])
      assert.deepEqual(
        why.file.sources.map(({ baseurl }) => baseurl),
        arches.map((arch) => `${all.upstream.url}${arch}/`),
      )
    }
    const repomd = `${new URL(base).pathname.replace('$basearch', 'x86_64')}/repodata/repomd.xml`
    const own = await all.json<{ file: Record<string, unknown> }>(
      `/api/v1/why?path=${encodeURIComponent(repomd)}`,
    )
    assert.equal(own.file['stated_by'], 'sync')
    const name = base.split('/').at(-2) ?? ''
    for (const [page, expected] of [
      [`/mirrors/m/snapshots/${name}`, /Architectures[\s\S]*aarch64, x86_64/],
      [`/mirrors/m/packages/docs`, /in aarch64[\s\S]*in x86_64|in x86_64[\s\S]*in aarch64/],
      ['/mirrors/m', /baseurl=http:\/\/farm\.example\.org\/repos\/yum\/m\/[\d-]+\/\$basearch/],
      ['/setup?mirror=m', /--repofrompath=(?:'|&#39;)m,http[^ ]*\/\$basearch(?:'|&#39;)/],
      ['/search?q=docs', /docs-2-1\.noarch/],
    ] as const) {
      const { status, body } = await httpGet(`${farm.url}${page}`)
      assert.equal(status, 200, page)
      assert.match(body.toString().replace(/<\/?(?:wbr|span)[^>]*>/g, ''), expected, page)
    }
    const found = (await httpGet(`${farm.url}/search?q=docs`)).body.toString()
    assert.equal(found.match(/docs-2-1\.noarch</g)?.length, 1)
    const metrics = (await httpGet(`${farm.url}/metrics`)).body.toString()
    assert.match(metrics, /^pinyon_upstream_up\{[^}]*primary[^}]*\} 1$/m)
    const setup = (await httpGet(`${farm.url}/setup.repo?mirror=m&at=rolling`)).body.toString()
    assert.match(setup, /^baseurl=http:\/\/farm\.example\.org\/repos\/yum\/m\/latest\/\$basearch\/$/m)
    for (const format of ['json', 'yaml', 'py', 'html'])
      assert.match(
        (await httpGet(`${farm.url}/repos/yum/all_latest.${format}`)).body.toString(),
        /\/\$basearch["'<]/,
      )
  })

  test('the rolling view has the current files and earlier ones by name, and moments lead to their snapshot', async (t) => {
    const { all, farm, names } = await startTwo(t)
    const latest = `${farm.url}/repos/yum/m/latest`
    assert.deepEqual(
      (await httpGet(`${latest}/x86_64/repodata/repomd.xml`)).body,
      readFileSync(join(all.dirOf('x86_64'), 'repodata/repomd.xml')),
    )
    assert.equal((await httpGet(`${latest}/x86_64/Packages/d/docs-1-1.noarch.rpm`)).status, 200)
    const moment = `${farm.url}/repos/yum/m/at/2200-01-01T00:00:00Z`
    const sent = await httpGet(`${moment}/x86_64/repodata/repomd.xml`)
    assert.equal(sent.headers['location'], `/repos/yum/m/${names[1]}/x86_64/repodata/repomd.xml`)
    assert.equal((await httpGet(`${moment}/`)).headers['location'], `/repos/yum/m/${names[1]}/`)
  })

  test('a database made anew answers as the one that was lost', async (t) => {
    const dataDir = tempDir(t)
    const { all, farm, names } = await startTwo(t, dataDir)
    const paths = [
      '/repos/yum/all_latest.json',
      '/repos/generations/1/all_latest.json',
      '/api/v1/mirrors/m/snapshots',
      ...names.flatMap((name) =>
        ARCHES.flatMap((arch) =>
          [
            'repodata/repomd.xml',
            `Packages/d/docs-1-1.noarch.rpm`,
            'Packages/d/docs-2-1.noarch.rpm',
            'Packages/',
          ].map((path) => `/repos/yum/m/${name}/${arch}/${path}`),
        ),
      ),
      ...names.map((name) => `/api/v1/mirrors/m/snapshots/${name}`),
      `/api/v1/mirrors/m/diff?from=${names[0]}&to=${names[1]}`,
    ]
    const read = async (url: string) => {
      const answers = await Promise.all(paths.map((path) => httpGet(`${url}${path}`)))
      return answers.map(({ status, body }, index) => [paths[index], status, body.toString()])
    }
    // All is stored, so that what the answers say of the cache is the same from then on.
    for (const which of ['all', 'at_risk'] as const)
      await farm.app.prefetcher.fetch('m', { which, specs: [] }, () => undefined)
    await read(farm.url)
    const expected = await read(farm.url)
    await farm.close()
    rmSync(createLayout(dataDir).database)
    const mirrors = { m: archSettings(`${all.upstream.url}$basearch/`, ARCHES) }
    const options = {
      dataDir,
      mirrors,
      publicUrl: 'http://farm.example.org',
      now: () => Date.now() + 3_600_000,
    }
    const report = await rebuild({
      config: createConfig(dataDir, options),
      dryRun: false,
      now: Date.now,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    assert.deepEqual([report.left_out, report.broken, report.damaged, report.ok], [[], [], [], true])
    const again = await startApp(t, options)
    assert.deepEqual(await read(again.url), expected)
    const before = all.upstream.count()
    assert.equal((await again.sync('m')).outcome, 'unchanged')
    assert.equal(all.upstream.count() - before, 2)
    assert.equal(
      (
        await httpGet(
          `${baseFor(`${again.url}/repos/yum/m/${names[1]}/$basearch`, 'x86_64')}/Packages/o/own-1.0-1.noarch.rpm`,
        )
      ).status,
      200,
    )
  })
})
