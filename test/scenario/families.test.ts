import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'

import { parseRepomd } from '../../src/repodata/repomd.ts'
import { DnfRoot } from '../support/dnf.ts'
import { Gpg } from '../support/gpg.ts'
import { httpGet } from '../support/http-get.ts'
import { createRepository } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { mustRun } from '../support/run-command.ts'
import { signRpms } from '../support/sign-rpm.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// What distributions have beside their binary packages, made by their own tools.

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c')

const SPEC =
  'Name: app\nVersion: 1.0\nRelease: 1\nSummary: none\nLicense: MIT\nBuildArch: noarch\n%description\nnone\n%files\n'

const MODULE = `---
document: modulemd-defaults
version: 1
data: { module: app, stream: '1' }
...
`

/** Types of records, and what dnf reads of them as it has to be. */
const RECORDS: Readonly<Record<string, { readonly name: string; readonly text?: string }>> = {
  group: { name: 'comps.xml', text: '<comps/>\n' },
  updateinfo: { name: 'updateinfo.xml', text: '<updates/>\n' },
  modules: { name: 'modules.yaml', text: MODULE },
  productid: { name: 'productid' },
  appstream: { name: 'appstream.xml' },
  'appstream-icons': { name: 'icons.tar' },
  'filelists-ext': { name: 'filelists-ext.xml' },
  patterns: { name: 'patterns.xml' },
  deltainfo: { name: 'deltainfo.xml' },
  'quite-unknown': { name: 'quite-unknown.bin' },
}

async function buildSource(t: TestContext, outDir: string): Promise<void> {
  const top = tempDir(t)
  writeFileSync(join(top, 'app.spec'), SPEC)
  const defines = ['--define', `_topdir ${top}`, '--define', `_srcrpmdir ${outDir}`]
  mkdirSync(outDir, { recursive: true })
  await mustRun('rpmbuild', ['-bs', '--quiet', ...defines, join(top, 'app.spec')])
}

describe('beside binary packages', () => {
  test('sources and debug information are repositories like any other', TOOLS, async (t) => {
    const dir = tempDir(t)
    const [source, debug] = [join(dir, 'source/tree'), join(dir, 'x86_64/debug/tree')]
    await buildSource(t, join(source, 'Packages/a'))
    await buildRpms([{ name: 'app-debuginfo', arch: 'x86_64' }], join(debug, 'Packages/a'))
    for (const one of [source, debug]) await createRepository(one)
    const upstream = await startUpstream(t, dir)
    const farm = await startApp(t, {
      mirrors: {
        'el9-source': `${upstream.url}source/tree/`,
        'el9-debuginfo': `${upstream.url}x86_64/debug/tree/`,
      },
    })
    for (const [mirror, expected, path] of [
      ['el9-source', 'app-1.0-1.src', 'Packages/a/app-1.0-1.src.rpm'],
      ['el9-debuginfo', 'app-debuginfo-1.0-1.x86_64', 'Packages/a/app-debuginfo-1.0-1.x86_64.rpm'],
    ] as const) {
      await farm.sync(mirror)
      const baseurl = await farm.current(mirror)
      const machine = new DnfRoot(tempDir(t), [{ id: mirror, baseurl }])
      const found = await machine.repoquery(
        '--arch=src,x86_64',
        '--qf',
        '%{name}-%{version}-%{release}.%{arch}',
      )
      assert.equal(found.stdout.trim(), expected, found.stderr)
      const own = readFileSync(join(mirror === 'el9-source' ? source : debug, path))
      assert.deepEqual((await httpGet(`${baseurl}/${path}`)).body, own)
    }
  })

  test(
    'records of every type are pinned, whatever they are and however they are compressed',
    TOOLS,
    async (t) => {
      const dir = tempDir(t)
      await buildRpms([{ name: 'app' }], join(dir, 'Packages'))
      await createRepository(dir, { args: ['--database'] })
      const repodata = join(dir, 'repodata')
      for (const [index, [type, { name, text = `${type}\n` }]] of Object.entries(RECORDS).entries()) {
        const file = join(tempDir(t), name)
        writeFileSync(file, text)
        const how = index % 2 === 0 ? ['--no-compress'] : ['--compress-type=xz']
        await mustRun('modifyrepo_c', [...how, `--mdtype=${type}`, file, repodata])
      }
      const upstream = await startUpstream(t, dir)
      const farm = await startApp(t, { mirrors: { m: { baseurls: [upstream.url], strict: true } } })
      await farm.sync('m')
      const before = upstream.count()
      const baseurl = await farm.current('m')
      const { records } = parseRepomd(readFileSync(join(repodata, 'repomd.xml')))
      assert.ok(records.length >= Object.keys(RECORDS).length + 6)
      for (const type of Object.keys(RECORDS))
        assert.ok(
          records.some((record) => record.type === type),
          type,
        )
      for (const name of readdirSync(repodata))
        assert.deepEqual(
          (await httpGet(`${baseurl}/repodata/${name}`)).body,
          readFileSync(join(repodata, name)),
          name,
        )
      const machine = new DnfRoot(tempDir(t), [{ id: 'm', baseurl }])
      const made = await machine.makecache()
      assert.equal(made.code, 0, made.stderr)
      assert.equal(upstream.count(), before, 'all of it was here')
    },
  )

  test(
    'Azure Linux signs metadata and packages, and its clients choose packages by the time of their files',
    needs('dnf', 'rpmbuild', 'createrepo_c', 'gpg', 'rpmsign'),
    async (t) => {
      const dir = tempDir(t)
      const gpg = Gpg.create(t)
      const key = await gpg.generate('Azure <azure@example.org>', { algorithm: 'rsa3072' })
      const armored = await gpg.export([key])
      const packages = join(dir, 'base/Packages/a')
      await signRpms(
        gpg,
        key,
        await buildRpms([{ name: 'app', release: '1.azl3', arch: 'x86_64' }], packages),
      )
      const root = join(dir, 'base')
      await createRepository(root, { args: ['--database', '--unique-md-filenames'] })
      const repomd = readFileSync(join(root, 'repodata/repomd.xml'))
      writeFileSync(join(root, 'repodata/repomd.xml.asc'), await gpg.sign(repomd, { keys: [key] }))
      writeFileSync(join(dir, 'KEY'), armored)
      const upstream = await startUpstream(t, dir)
      const baseurls = [`${upstream.url}base/`]
      const checks = { gpgKeys: [{ file: '/etc/KEY', armored }], repoGpgcheck: true, gpgcheck: true }
      const farm = await startApp(t, { mirrors: { azl3: { baseurls, ...checks } } })
      await farm.sync('azl3')
      const baseurl = await farm.current('azl3')
      const primary = parseRepomd(repomd).records.find(({ type }) => type === 'primary')
      const { body } = await httpGet(`${baseurl}/${primary?.href ?? ''}`)
      assert.match(gunzipSync(body).toString(), /<time file="\d+" build="\d+"\/>/)
      assert.deepEqual(body, readFileSync(join(root, primary?.href ?? '')))
      const extra = { repo_gpgcheck: '1', gpgcheck: '1', gpgkey: `file://${join(dir, 'KEY')}` }
      const machine = new DnfRoot(tempDir(t), [{ id: 'azl3', baseurl, extra }])
      const installed = await machine.install('app')
      assert.equal(installed.code, 0, installed.stderr)
      // And the key that dnf took.
      assert.match((await machine.installed()).join(' '), /^app-1\.0-1\.azl3\.x86_64 gpg-pubkey-\S+$/)
    },
  )
})
