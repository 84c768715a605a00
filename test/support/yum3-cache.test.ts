import assert from 'node:assert/strict'
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { tempDir } from './temp-dir.ts'
import { loadAsYum3, type Yum3Load, type Yum3Loaded } from './yum3-cache.ts'

const HOUR = 3600
const START = 1_700_000_000

const repomd = (timestamp: number | string) =>
  Buffer.from(`<repomd xmlns="x"><data type="primary"><timestamp>${timestamp}</timestamp></data></repomd>\n`)

function begin(t: TestContext) {
  const dir = tempDir(t)
  const config = join(dir, 'yum.conf')
  writeFileSync(config, '')
  utimesSync(config, START - HOUR, START - HOUR)
  const cacheDir = join(dir, 'cache/x')
  const load = (now: number, bytes: Buffer | undefined, more: Partial<Yum3Load> = {}): Yum3Loaded['why'] => {
    const loaded = loadAsYum3({ cacheDir, configFiles: [config], now, fetch: () => bytes, ...more })
    assert.deepEqual(loaded.repomd, readFileSync(join(cacheDir, 'repomd.xml')))
    return loaded.why
  }
  return { cacheDir, config, load }
}

test('while the cookie is young yum 3 does not ask, whatever the baseurl; a changed configuration makes it', (t) => {
  const { load, config } = begin(t)
  assert.equal(load(START, repomd(100)), 'fetched')
  assert.equal(load(START + 5 * HOUR, repomd(200)), 'cached')
  utimesSync(config, START + 5 * HOUR, START + 5 * HOUR)
  assert.equal(load(START + 5 * HOUR, repomd(200)), 'fetched')
  assert.equal(load(START + 11 * HOUR, repomd(300)), 'fetched')
  assert.equal(load(START + 100 * HOUR, repomd(400), { metadataExpire: -1 }), 'cached')
})

test('an older repomd.xml is ignored, and the cookie vouches for the newer one', (t) => {
  const { load } = begin(t)
  assert.equal(load(START, repomd(200)), 'fetched')
  assert.equal(load(START + 7 * HOUR, repomd(100)), 'older was ignored')
  assert.equal(load(START + 8 * HOUR, repomd(300)), 'cached')
  assert.equal(load(START + 14 * HOUR, repomd(200)), 'fetched', 'as old is not older')
})

test('without repomd.xml, or with one that cannot be read, an older one is as good as any', (t) => {
  const { load, cacheDir } = begin(t)
  load(START, repomd(200))
  rmSync(join(cacheDir, 'repomd.xml'))
  assert.equal(load(START, repomd(100)), 'fetched', 'though the cookie is young')
  writeFileSync(join(cacheDir, 'repomd.xml'), 'torn')
  assert.equal(load(START + 7 * HOUR, repomd(50)), 'fetched')
})

test('what cannot be fetched, or read, leaves the old one; fractions are no timestamps', (t) => {
  const { load } = begin(t)
  assert.throws(() => load(START, undefined), /no repomd.xml/)
  load(START, repomd(200))
  assert.equal(load(START + 7 * HOUR, undefined), 'failed, so kept')
  assert.equal(load(START + 7 * HOUR, Buffer.from('<html>')), 'failed, so kept')
  assert.equal(load(START + 14 * HOUR, repomd('300.5')), 'older was ignored')
})
