import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { Gpg } from '../support/gpg.ts'
import { httpGet } from '../support/http-get.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms, rpmFileName, type RpmSpec } from '../support/rpm.ts'
import { mustRun } from '../support/run-command.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'
import { ZypperRoot } from '../support/zypper.ts'

// zypper as client, with real parts: signed metadata, and what SUSE's repositories have beside what createrepo_c makes. It is not among what is
// installed for the tests: in Debian it and the plugins of dnf exclude each other.

const TOOLS = needs('zypper', 'rpm', 'rpmbuild', 'createrepo_c', 'gpg', 'root')

/** What zypper ends with when it was asked for what it cannot do. */
const ZYPP_ERROR = 4

const MEDIA = 'openSUSE - openSUSE-X-x86_64-Build1-Media\nopenSUSE-X-x86_64-Build1\n1\n'
const APP: RpmSpec = { name: 'app', requires: ['lib >= 1.0'] }
const LIB: RpmSpec = { name: 'lib' }
const LICENSED: RpmSpec = { name: 'licensed' }
const PATTERN: RpmSpec = {
  name: 'patterns-x-base',
  provides: ['pattern() = x_base', 'pattern-category() = Base', 'pattern-visible()', 'pattern-order() = 1'],
  requires: ['app'],
}

/** A repository as the Open Build Service publishes it: signed, with media.1/media, and a record of what zypper alone reads. */
class SuseTree {
  readonly tree: RepositoryTree
  readonly #gpg: Gpg
  readonly #key: string

  private constructor(tree: RepositoryTree, gpg: Gpg, key: string) {
    this.tree = tree
    this.#gpg = gpg
    this.#key = key
  }

  static async create(t: TestContext): Promise<SuseTree> {
    const dir = tempDir(t)
    const gpg = Gpg.create(t)
    const rpms = await buildRpms([APP, LIB, LICENSED, PATTERN], join(dir, 'rpms'))
    const suse = new SuseTree(
      new RepositoryTree(join(dir, 'upstream')).add(...rpms),
      gpg,
      await gpg.generate('X <x@example.org>'),
    )
    mkdirSync(join(suse.tree.dir, 'media.1'))
    writeFileSync(join(suse.tree.dir, 'media.1/media'), MEDIA)
    await suse.publish()
    return suse
  }

  async publish(): Promise<void> {
    const { dir } = this.tree
    const repodata = join(dir, 'repodata')
    await this.tree.publish()
    const licensed = readFileSync(join(dir, 'Packages', rpmFileName(LICENSED)))
    const pkgid = digestOf(licensed).slice('sha256:'.length)
    writeFileSync(
      join(repodata, 'susedata.xml'),
      `<?xml version="1.0" encoding="UTF-8"?>
<susedata xmlns="http://linux.duke.edu/metadata/susedata" packages="1"><package pkgid="${pkgid}" name="licensed" arch="noarch">
<version epoch="0" ver="1.0" rel="1"/><eula>Only on Sundays.</eula></package></susedata>\n`,
    )
    await mustRun('modifyrepo_c', ['--mdtype=susedata', join(repodata, 'susedata.xml'), repodata])
    const repomd = readFileSync(join(repodata, 'repomd.xml'))
    const signature = await this.#gpg.sign(repomd, { keys: [this.#key] })
    writeFileSync(join(repodata, 'repomd.xml.asc'), signature)
    writeFileSync(join(repodata, 'repomd.xml.key'), await this.#gpg.export([this.#key]))
  }
}

async function startFarm(t: TestContext) {
  const suse = await SuseTree.create(t)
  const upstream = await startUpstream(t, suse.tree.dir)
  const app = await startApp(t, { mirrors: { suse: { baseurls: [upstream.url], extraFiles: 'usual' } } })
  await app.sync('suse')
  const createSlave = (baseurl: string) =>
    new ZypperRoot(tempDir(t), [{ id: 'suse', baseurl, extra: { repo_gpgcheck: '1' } }])
  return { ...app, suse, upstream, createSlave }
}

/** Runs zypper, which has to succeed. */
async function must(slave: ZypperRoot, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await slave.run('--gpg-auto-import-keys', ...args)
  assert.equal(code, 0, `zypper ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

describe('zypper', () => {
  test('trusts the metadata by their signature, and heeds what SUSE adds to them', TOOLS, async (t) => {
    const { createSlave, current, upstream } = await startFarm(t)
    const baseurl = await current('suse')
    assert.equal((await httpGet(`${baseurl}/media.1/media`)).body.toString(), MEDIA)
    const slave = createSlave(baseurl)
    const stranger = await slave.run('refresh')
    assert.equal(stranger.code, ZYPP_ERROR, 'nobody trusts the key yet')
    assert.match(`${stranger.stdout}${stranger.stderr}`, /Signature verification failed for repomd.xml/)
    await must(slave, 'refresh')
    // The licence stands in susedata.xml alone.
    const refused = await slave.run('install', 'licensed')
    assert.equal(refused.code, ZYPP_ERROR)
    assert.match(refused.stdout, /need for license confirmation/)
    await must(slave, 'install', '--auto-agree-with-licenses', 'licensed')
    await must(slave, 'install', 'patterns-x-base')
    const installed = [APP, LIB, LICENSED, PATTERN].map(({ name }) => `${name}-1.0-1.noarch`)
    assert.deepEqual(await slave.installed(), installed)
    assert.equal(upstream.count(/\.rpm$/), installed.length)
  })

  test(
    'sees its snapshot and nothing else, while upstream replaces packages, metadata and signature',
    TOOLS,
    async (t) => {
      const { createSlave, current, sync, suse, upstream } = await startFarm(t)
      const old = await current('suse')
      const first = createSlave(old)
      await must(first, 'install', 'app')
      const [before, during] = [createSlave(old), createSlave(old)]
      await must(during, 'refresh')

      const rpms = await buildRpms([{ name: 'lib', version: '2.0' }], tempDir(t))
      suse.tree.add(...rpms).remove(rpmFileName(LIB))
      await suse.publish()
      await sync('suse')
      const asked = upstream.count(/\.rpm$/)

      for (const slave of [before, during]) {
        await must(slave, 'refresh', '--force')
        await must(slave, 'install', 'app')
        assert.deepEqual(await slave.installed(), ['app-1.0-1.noarch', 'lib-1.0-1.noarch'])
      }
      assert.equal(upstream.count(/\.rpm$/), asked, 'all of it was there')
      const after = createSlave(await current('suse'))
      await must(after, 'install', 'app')
      assert.deepEqual(await after.installed(), ['app-1.0-1.noarch', 'lib-2.0-1.noarch'])
    },
  )
})
