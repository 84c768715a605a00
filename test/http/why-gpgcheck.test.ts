import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { formatWhy } from '../../src/cli/why.ts'
import type { WhyView } from '../../src/proxy/api-why.ts'
import { pinyon } from '../cli/pinyon.ts'
import { httpGet } from '../support/http-get.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { signRpms } from '../support/sign-rpm.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { createTwoKeys } from '../support/two-keys.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { readWhy } from './read-why.ts'

const TOOLS = needs('rpmbuild', 'rpmsign', 'createrepo_c', 'gpg')

const { gpg, own, other } = await createTwoKeys(TOOLS)

interface Farm {
  readonly app: StartedApp
  readonly upstream: Upstream
  readonly keyFile: string
  readonly get: (name: string, mirror: string) => ReturnType<typeof httpGet>
  readonly why: (name: string, mirror?: string) => Promise<WhyView>
}

/** Packages signed by our key, by another, and not at all, in three mirrors: one checks by a file, one by the key's URL, one not at all. */
async function startFarm(t: TestContext): Promise<Farm> {
  const dir = tempDir(t)
  const files = await buildRpms(
    ['own', 'other', 'none'].map((name) => ({ name })),
    join(dir, 'rpms'),
  )
  const of = (signer: string) => files.filter((file) => basename(file).startsWith(`${signer}-`))
  await signRpms(gpg, own, of('own'))
  await signRpms(gpg, other, of('other'))
  const tree = new RepositoryTree(join(dir, 'upstream')).add(...files)
  await tree.publish()
  const upstream = await startUpstream(t, tree.dir)
  const baseurls = [upstream.url]
  const key = { file: join(dir, 'KEY'), armored: await gpg.export([own]) }
  writeFileSync(key.file, key.armored)
  const mirrors = {
    checked: { baseurls, gpgcheck: true, gpgKeys: [key] },
    byUrl: { baseurls, gpgcheck: true, gpgKeys: [{ url: `${upstream.url}KEY` }] },
    open: { baseurls },
  }
  const app = await startApp(t, { mirrors })
  for (const mirror of Object.keys(mirrors)) await app.sync(mirror)
  const urlOf = async (name: string, mirror: string) =>
    `${await app.current(mirror)}/Packages/${name}-1.0-1.noarch.rpm`
  const why = async (name: string, mirror = 'checked') =>
    await readWhy(app.url, new URL(await urlOf(name, mirror)).pathname)
  return {
    app,
    upstream,
    keyFile: key.file,
    why,
    get: async (name, mirror) => await httpGet(await urlOf(name, mirror)),
  }
}

/** Has a package stored by the mirror that does not check. */
async function store({ get }: Farm, name: string): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1)
    if ((await get(name, 'open')).headers['x-cache'] === 'hit') return
  assert.fail(`it is not stored: ${name}`)
}

describe('why, of a stored package that gpgcheck refuses', TOOLS, () => {
  test('says what a GET gets and the reason, whether or not somebody has asked for it', async (t) => {
    const farm = await startFarm(t)
    for (const name of ['none', 'other']) {
      await store(farm, name)
      const before = await farm.why(name)
      const { status, headers } = await farm.get(name, 'checked')
      assert.deepEqual([status, headers['x-cache']], [502, 'error_digest'])
      for (const why of [before, await farm.why(name)])
        assert.deepEqual(
          [why.status, why.outcome, why.code, why.reason, why.file?.stored.state],
          [502, 'error_digest', 'SIGNATURE_REFUSED', headers['x-pinyon-reason'], 'stored'],
        )
      const text = formatWhy(before, { nowMs: Date.now(), running: true })
      assert.match(text, /^\S+ 502 error_digest \(SIGNATURE_REFUSED\), a package\nwhy {7}gpgcheck refuses /)
      assert.equal((await farm.why(name, 'open')).status, 200)
    }
  })

  test('says so without a server as well', async (t) => {
    const farm = await startFarm(t)
    for (const name of ['none', 'own']) await store(farm, name)
    const { path, reason } = await farm.why('none')
    await farm.app.close()
    const configFile = join(farm.app.dataDir, 'pinyon.yaml')
    const mirror = `{ baseurl: '${farm.upstream.url}', gpgcheck: true, gpgkey: 'file://${farm.keyFile}' }`
    writeFileSync(configFile, `data_dir: ${farm.app.dataDir}\nmirrors: { checked: ${mirror} }\n`)
    const refused = await pinyon(['why', path, '--config', configFile])
    assert.ok(
      refused.stdout.startsWith(`${path} 502 error_digest (SIGNATURE_REFUSED), a package\n`),
      refused.stderr,
    )
    assert.ok(refused.stdout.includes(`\nwhy       ${reason}\n`), refused.stdout)
    assert.equal(refused.code, 3)
    const signed = await pinyon(['why', path.replace('none', 'own'), '--config', configFile])
    assert.match(signed.stdout, /^\S+ 200, a package\n/)
  })

  test('says nothing of the kind of one that is signed', async (t) => {
    const farm = await startFarm(t)
    assert.equal((await farm.why('own')).code, null)
    await store(farm, 'own')
    for (let times = 0; times < 2; times += 1) {
      const { status, code } = await farm.why('own')
      assert.deepEqual([status, code], [200, null])
    }
  })

  test('fetches no key: what cannot be told without one is for the next GET to find', async (t) => {
    const farm = await startFarm(t)
    await store(farm, 'other')
    const asked = farm.upstream.requests.length
    assert.equal((await farm.why('other', 'byUrl')).code, null)
    assert.equal(farm.upstream.requests.length, asked)
  })
})
