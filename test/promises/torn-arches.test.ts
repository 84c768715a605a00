import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { parseRepomd } from '../../src/repodata/repomd.ts'
import { archSettings, baseFor } from '../support/arch-farm.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

// Promise 1 of design §3 for what a snapshot has beside one repository's repodata: files without a checksum, and further architectures. Upstream
// publishes all of it at once, at any request of a sync; whatever is published, each architecture is of one generation.

const ARCHES = ['aarch64', 'x86_64'] as const
const EXTRAS = ['.treeinfo', 'LICENSE', 'keys/RPM-GPG-KEY-a', 'keys/RPM-GPG-KEY-b']
/** `npm run torn` tries every request. */
const STEP = Number(process.env['TORN_STEP'] ?? 7)
const FILES = ['repodata/repomd.xml', ...EXTRAS]

const initially = (_request: number): number => 0

/** Writes a generation of all architectures. */
function writeGeneration(t: TestContext, number: number): string {
  const dir = tempDir(t)
  for (const arch of ARCHES) {
    const root = join(dir, arch)
    mkdirSync(join(root, 'keys'), { recursive: true })
    const packages = [{ name: 'a', version: `${number}`, arch }]
    writeSyntheticRepository(root, {
      packages,
      revision: 1_600_000_000 + number,
      simpleNames: true,
      withoutFiles: true,
    })
    for (const path of EXTRAS) writeFileSync(join(root, path), `${path} of ${arch}, ${number}\n`)
    // What patterns stand for is told by the page of a directory.
    const links = EXTRAS.slice(2).map((path) => `<a href="${path.slice(5)}">${path.slice(5)}</a>`)
    writeFileSync(join(root, 'keys/index.html'), `<html>${links.join('\n')}</html>`)
  }
  return dir
}

/** Which of these generations each architecture of the current snapshot is; throws for one that is of two. */
async function generationsOf(farm: StartedApp, dirs: readonly string[]): Promise<number[]> {
  const current = await farm.current('m')
  const found: number[] = []
  for (const arch of ARCHES) {
    const get = async (path: string) => (await httpGet(`${baseFor(current, arch)}/${path}`)).body
    const repomd = await get('repodata/repomd.xml')
    const own = dirs.findIndex((dir) => readFileSync(join(dir, arch, 'repodata/repomd.xml')).equals(repomd))
    assert.ok(own >= 0, 'upstream never had it')
    for (const path of FILES)
      assert.deepEqual(await get(path), readFileSync(join(dirs[own] ?? '', arch, path)), `${arch}/${path}`)
    for (const { href, checksum } of parseRepomd(repomd).records)
      assert.equal(digestOf(await get(href)), checksum)
    found.push(own)
  }
  return found
}

test('all architectures and the files beside them change at any request of a sync: each is of one generation', async (t) => {
  const dirs = [writeGeneration(t, 0)]
  const upstream = await startUpstream(t, dirs[0] ?? '')
  let begin = 0
  let generationAt = initially
  upstream.rules = ({ index, path }) => {
    upstream.root = dirs[generationAt(index - begin)] ?? ''
    return path.endsWith('/keys/') ? { redirectTo: `${path}index.html` } : {}
  }
  let now = Date.UTC(2026, 0, 1)
  const farm = await startApp(t, {
    mirrors: {
      m: {
        ...archSettings(`${upstream.url}$basearch/`, ARCHES),
        extraFiles: ['.treeinfo', 'LICENSE', 'keys/RPM-GPG-KEY-*'],
      },
    },
    now: () => (now += 60_000),
  })
  const sync = async (at: (request: number) => number) => {
    begin = upstream.count()
    generationAt = at
    const outcome = await farm.sync('m').then(({ outcome: own }) => own, String)
    return { outcome, requests: upstream.count() - begin }
  }
  assert.equal((await sync(initially)).outcome, 'published')
  const seen: string[] = []
  // Until the change comes behind the last request.
  for (let at = 0, requests = Infinity; at < requests + STEP; at += STEP) {
    const [first, second] = [dirs.length, dirs.length + 1]
    dirs.push(writeGeneration(t, first), writeGeneration(t, second))
    const torn = await sync((request) => (request < at ? first : second))
    requests = torn.requests
    assert.equal(torn.outcome, 'published')
    seen.push((await generationsOf(farm, dirs)).map((own) => own - first).join(''))
    const { outcome } = await sync(() => second)
    assert.match(outcome, /^(?:published|unchanged)$/)
    assert.deepEqual(await generationsOf(farm, dirs), [second, second])
  }
  t.diagnostic(seen.join(' '))
  assert.ok(seen.length > 20 / STEP && seen[0] === '11' && seen.at(-1) === '00', seen.join(' '))
})
