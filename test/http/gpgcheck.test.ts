import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import type { Config } from '../../src/config/config.ts'
import { DnfRoot } from '../support/dnf.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { signRpms } from '../support/sign-rpm.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { DEFAULT_CACHE } from '../support/config-defaults.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { createTwoKeys } from '../support/two-keys.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const TOOLS = needs('dnf', 'rpmbuild', 'rpmsign', 'createrepo_c', 'gpg')

const { gpg, own, other } = await createTwoKeys(TOOLS)

interface Farm extends StartedApp {
  readonly upstream: Upstream
  readonly keyFile: string
  /** Gets a package of the mirror that checks, or of the other one, which has the same upstream and does not. */
  readonly get: (name: string, mirror?: 'checked' | 'open') => Promise<HttpReply>
}

/** Packages of two sizes, each signed by our key, by another, and not at all. */
async function startFarm(t: TestContext, settings: Partial<Config> = {}): Promise<Farm> {
  const dir = tempDir(t)
  const names = ['small', 'large'].flatMap((size) => [`${size}-own`, `${size}-other`, `${size}-none`])
  const specs = names.map((name) => ({ name, sizeBytes: name.startsWith('large') ? 300_000 : 100 }))
  const files = await buildRpms(specs, join(dir, 'rpms'))
  const of = (signer: string) => files.filter((file) => basename(file).includes(`-${signer}-`))
  await signRpms(gpg, own, of('own'))
  await signRpms(gpg, other, of('other'))
  const tree = new RepositoryTree(join(dir, 'upstream')).add(...files)
  await tree.publish()
  const upstream = await startUpstream(t, tree.dir)
  const armored = await gpg.export([own])
  const keyFile = join(dir, 'KEY')
  writeFileSync(keyFile, armored)
  const baseurls = [upstream.url]
  const checked = { baseurls, gpgcheck: true, gpgKeys: [{ file: keyFile, armored }] }
  const app = await startApp(t, { mirrors: { checked, open: { baseurls } }, settings })
  for (const mirror of ['checked', 'open']) await app.sync(mirror)
  const get = async (name: string, mirror = 'checked') => {
    const base = await app.current(mirror)
    return await httpGet(`${base}/Packages/${name}-1.0-1.noarch.rpm`)
  }
  return { ...app, upstream, keyFile, get }
}

/** Gets a package without a check until it is stored: the fill that brings it ends a little after its last byte was sent. */
async function store(farm: Farm, name: string): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1)
    if ((await farm.get(name, 'open')).headers['x-cache'] === 'hit') return
  assert.fail(`it is not stored: ${name}`)
}

function reasonOf({ headers }: HttpReply): string {
  return String(headers['x-pinyon-reason'])
}

describe('a mirror with gpgcheck', TOOLS, () => {
  test('gives out what its keys signed, cold and warm', async (t) => {
    const farm = await startFarm(t)
    for (const name of ['small-own', 'large-own'])
      for (const expected of [/^fill$/, /^(?:join|hit)$/, /^(?:join|hit)$/]) {
        const { status, headers, body } = await farm.get(name)
        assert.equal(status, 200)
        assert.match(String(headers['x-cache']), expected)
        assert.deepEqual(body, readFileSync(join(farm.upstream.root, `Packages/${name}-1.0-1.noarch.rpm`)))
      }
  })

  test('refuses a package that others signed, or nobody, and says why', async (t) => {
    const farm = await startFarm(t)
    const refusals = {
      'small-other': new RegExp(
        `gpgcheck refuses Packages/small-other.* unknown key: ${other}; gpgkey has ${own}`,
      ),
      'small-none': /the package is not signed/,
    }
    for (const [name, reason] of Object.entries(refusals))
      for (let tries = 0; tries < 2; tries += 1) {
        const result = await farm.get(name)
        assert.deepEqual([result.status, result.headers['x-cache']], [502, 'error_digest'])
        assert.match(reasonOf(result), reason)
      }
  })

  test('tells a HEAD what it has refused, and looks at nothing for one', async (t) => {
    const farm = await startFarm(t)
    const url = `${await farm.current('checked')}/Packages/small-none-1.0-1.noarch.rpm`
    const head = async () => await httpGet(url, { method: 'HEAD' })
    assert.equal((await head()).status, 200)
    assert.equal(farm.upstream.count('small-none'), 0)
    const refused = await farm.get('small-none')
    const told = await head()
    assert.deepEqual([told.status, told.headers['x-cache']], [502, 'error_digest'])
    assert.equal(reasonOf(told), reasonOf(refused))
    assert.equal(
      (await httpGet(url.replace('small-none', 'small-own'), { method: 'HEAD' })).status,
      200,
      'of another one nothing is known',
    )
  })

  test('never gives out the end of a large one, and later none of it', async (t) => {
    const farm = await startFarm(t)
    assert.equal((await farm.get('large-none')).complete, false)
    await store(farm, 'large-none')
    const again = await farm.get('large-none')
    assert.deepEqual(
      [again.status, reasonOf(again)],
      [502, 'gpgcheck refuses Packages/large-none-1.0-1.noarch.rpm: the package is not signed'],
    )
    const base = await farm.current('checked')
    const range = { headers: { range: 'bytes=0-10' } }
    assert.equal((await httpGet(`${base}/Packages/large-none-1.0-1.noarch.rpm`, range)).status, 502)
  })

  test('is not fooled by what a mirror without it brought into the cache, which is not bothered', async (t) => {
    const farm = await startFarm(t)
    for (const name of ['small-none', 'large-none', 'large-own']) {
      await store(farm, name)
      assert.equal((await farm.get(name, 'checked')).status, name === 'large-own' ? 200 : 502)
      assert.equal((await farm.get(name, 'open')).status, 200)
    }
  })

  test('looks as well at what is passed through since nothing can be stored', async (t) => {
    const farm = await startFarm(t, { cache: { ...DEFAULT_CACHE, maxBytes: 1 } })
    for (const size of ['small', 'large']) {
      const good = await farm.get(`${size}-own`)
      assert.deepEqual([good.status, good.headers['x-cache']], [200, 'bypass'])
      assert.deepEqual(
        good.body,
        readFileSync(join(farm.upstream.root, `Packages/${size}-own-1.0-1.noarch.rpm`)),
      )
      const { status, complete } = await farm.get(`${size}-none`)
      assert.ok(status !== 200 || !complete)
    }
    assert.match(reasonOf(await farm.get('small-none')), /not signed/)
  })

  test('is what dnf finds right, and not what it is refused', async (t) => {
    const farm = await startFarm(t)
    const extra = { gpgcheck: '1', gpgkey: `file://${farm.keyFile}` }
    const root = new DnfRoot(tempDir(t), [{ id: 'm', baseurl: await farm.current('checked'), extra }])
    const installed = await root.install('large-own')
    assert.equal(installed.code, 0, installed.stderr)
    const refused = await root.install('small-none')
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /Cannot download/)
  })
})
