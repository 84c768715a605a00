import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { DnfRoot } from '../support/dnf.ts'
import { Gpg } from '../support/gpg.ts'
import { httpGet } from '../support/http-get.ts'
import { needsLonelyNetwork, openLonelyNetwork } from '../support/lonely-network.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { buildRpms } from '../support/rpm.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// Repositories whose packages lie above them, as those of Amazon Linux 2023 do.

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c', 'gpg', 'curl', 'root')
const NETWORK = TOOLS.skip === false ? needsLonelyNetwork() : TOOLS

test(
  'dnf installs from a signed repository that climbs, with nothing but this server to reach',
  NETWORK,
  async (t) => {
    const dir = tempDir(t)
    const store = join(dir, 'up/blobstore')
    const repository = join(dir, 'up/core/guids/4a7b/x86_64')
    await buildRpms([{ name: 'app', requires: ['lib'] }, { name: 'lib' }], store)
    mkdirSync(repository, { recursive: true })
    const up = '--location-prefix=../../../../blobstore/'
    await mustRun('createrepo_c', ['--quiet', '--no-database', up, `--outputdir=${repository}`, store])
    const gpg = Gpg.create(t)
    const key = await gpg.generate('Own <own@example.org>')
    const repomd = readFileSync(join(repository, 'repodata/repomd.xml'))
    writeFileSync(join(repository, 'repodata/repomd.xml.asc'), await gpg.sign(repomd, { keys: [key] }))
    const armored = await gpg.export([key])
    writeFileSync(join(dir, 'KEY'), armored)
    const upstream = await startUpstream(t, join(dir, 'up'))
    const baseurls = [`${upstream.url}core/guids/4a7b/x86_64/`]
    const gpgKeys = [{ file: join(dir, 'KEY'), armored }]
    const farm = await startApp(t, { mirrors: { al2023: { baseurls, gpgKeys, repoGpgcheck: true } } })
    await farm.sync('al2023')
    const baseurl = await farm.current('al2023')
    assert.match(baseurl, /\/repos\/yum\/al2023\/[\d-]+\/_\/_\/_\/_$/)

    const { prefix } = await openLonelyNetwork(t, Number(new URL(farm.url).port))
    const [enter = '', ...within] = prefix
    const past = await runCommand(enter, [...within, 'curl', '--silent', upstream.url])
    assert.equal(past.code, 7, 'upstream cannot be reached from there')
    const extra = { repo_gpgcheck: '1', gpgkey: `file://${join(dir, 'KEY')}` }
    const root = new DnfRoot(tempDir(t), [{ id: 'al2023', baseurl, extra }], prefix)
    const installed = await root.install('app')
    assert.equal(installed.code, 0, installed.stderr)
    assert.deepEqual(await root.installed(), ['app-1.0-1.noarch', 'lib-1.0-1.noarch'])
    assert.equal(upstream.count(/\/blobstore\//), 2)
    assert.deepEqual((await httpGet(`${baseurl}/repodata/repomd.xml`)).body, repomd)
  },
)

test('dnf installs where repomd.xml leads up and down again', TOOLS, async (t) => {
  const dir = tempDir(t)
  await buildRpms([{ name: 'app' }], dir)
  await mustRun('createrepo_c', ['--quiet', dir])
  const repomd = join(dir, 'repodata/repomd.xml')
  writeFileSync(repomd, readFileSync(repomd, 'utf8').replaceAll('="repodata/', '="repodata/../repodata/'))
  const upstream = await startUpstream(t, dir)
  const farm = await startApp(t, { mirrors: { m: upstream.url } })
  await farm.sync('m')
  const root = new DnfRoot(tempDir(t), [{ id: 'm', baseurl: await farm.current('m') }])
  const installed = await root.install('app')
  assert.equal(installed.code, 0, installed.stderr)
  assert.deepEqual(await root.installed(), ['app-1.0-1.noarch'])
})

/** A repository two directories down whose packages lie in it, beside it and above both. */
async function startClimbing(t: TestContext) {
  const dir = tempDir(t)
  const repository = join(dir, 'a/os')
  const hrefs = ['Packages/below.rpm', '../beside.rpm', '../../pool/above.rpm', '_/pad.rpm']
  const packages = hrefs.map((href, index) => ({ name: `p${index}`, href, content: 300 + index }))
  writeSyntheticRepository(repository, { packages })
  const upstream = await startUpstream(t, dir)
  const farm = await startApp(t, { mirrors: { m: `${upstream.url}a/os/` } })
  await farm.sync('m')
  const base = await farm.current('m')
  return { dir, repository, upstream, farm, base, packages, snapshot: base.replace(/\/_\/_$/, '') }
}

describe('a snapshot whose packages climb', () => {
  test('has them where clients go by its base URL, and what lies below it also without its pads', async (t) => {
    const { base, snapshot, packages, repository, farm } = await startClimbing(t)
    assert.equal(base, `${snapshot}/_/_`)
    for (const { href, content } of packages) {
      // As curl does: dot segments are gone before anything is asked.
      const { status, body } = await httpGet(new URL(href, `${base}/`).href)
      assert.equal(status, 200, href)
      assert.equal(body.length, content)
      assert.equal(digestOf(body), digestOf(readFileSync(join(repository, href))))
    }
    for (const place of ['', '/_', '/_/_'])
      for (const name of ['repodata/repomd.xml', 'Packages/below.rpm', 'mirror.repo'])
        assert.equal((await httpGet(`${snapshot}${place}/${name}`)).status, 200, `${place}/${name}`)
    for (const wrong of ['beside.rpm', '_/pool/above.rpm', '_/_/beside.rpm', '%2e%2e/beside.rpm'])
      assert.notEqual((await httpGet(`${snapshot}/${wrong}`)).status, 200, wrong)
    const section = (await httpGet(`${base}/mirror.repo`)).body.toString()
    assert.match(section, new RegExp(`^baseurl=${base}$`, 'm'))
    const rolling = (await httpGet(`${farm.url}/repos/yum/m/latest/mirror.repo`)).body.toString()
    const [, latest = ''] = /^baseurl=(.*)$/m.exec(rolling) ?? []
    assert.match(latest, /\/repos\/yum\/m\/latest\/_\/_\/$/)
    for (const { href } of packages)
      assert.equal((await httpGet(new URL(href, latest).href)).status, 200, href)
  })

  test('is listed as its paths are, is named in full by every index, and can be sent on to', async (t) => {
    const { base, snapshot, farm } = await startClimbing(t)
    const listing = async (path: string) => {
      const page = (await httpGet(`${snapshot}${path}/`)).body.toString()
      return [...page.matchAll(/<a href="\.\/([^"]*)"/g)].map(([, name = '']) => name)
    }
    assert.deepEqual(await listing(''), ['_/', 'pool/'])
    assert.deepEqual(await listing('/_'), ['_/', 'beside.rpm'])
    assert.deepEqual(await listing('/_/_'), ['Packages/', '_/', 'repodata/'])
    assert.deepEqual(await listing('/Packages'), ['below.rpm'])
    const paths = ['yum', 'views/job', 'generations/1', `at/${new Date().toISOString()}`]
    for (const path of paths)
      for (const format of ['json', 'yaml', 'py', 'html']) {
        const index = (await httpGet(`${farm.url}/repos/${path}/all_latest.${format}`)).body.toString()
        assert.match(index, new RegExp(`${base}["'<]`), `${path} ${format}`)
      }
    const latest = (await httpGet(`${farm.url}/repos/yum/m/latest.txt`)).body.toString()
    assert.ok(snapshot.endsWith(`/${latest.trim()}`))
    const sent = await httpGet(`${farm.url}/repos/yum/m/at/${new Date().toISOString()}/`)
    assert.equal(sent.headers['location'], `${new URL(base).pathname}/`)
    const api = JSON.parse((await httpGet(`${farm.url}/api/v1/mirrors/m`)).body.toString()) as {
      readonly path: string
    }
    assert.equal(api.path, new URL(base).pathname)
  })

  test('of a directory of this machine has nothing from above it', async (t) => {
    const { repository } = await startClimbing(t)
    const farm = await startApp(t, { mirrors: { m: `file://${repository}/` } })
    await farm.sync('m')
    const base = `${await farm.current('m')}/`
    assert.equal((await httpGet(`${base}Packages/below.rpm`)).status, 200)
    const { status, headers } = await httpGet(new URL('../beside.rpm', base).href)
    assert.equal(status, 502)
    assert.match(String(headers['x-pinyon-reason']), /nothing above the directory .* is read/)
  })
})
