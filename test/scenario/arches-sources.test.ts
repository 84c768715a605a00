import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { formatElement, formatPrimary } from '../snapshot/primary-text.ts'
import { ArchFarm, archSettings, baseFor } from '../support/arch-farm.ts'
import { Gpg } from '../support/gpg.ts'
import { httpGet } from '../support/http-get.ts'
import { formatMetalink } from '../support/metalink.ts'
import { writeRepodata } from '../support/repodata-files.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

const ARCHES = ['aarch64', 'x86_64'] as const

function write(file: string, bytes: string | Buffer): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}

async function readKernel(base: string, arch: string): Promise<Buffer> {
  return (await httpGet(`${baseFor(base, arch)}/images/vmlinuz`)).body
}

function kernel(arch: string): Buffer {
  return Buffer.from(`the kernel of ${arch}`)
}

/** An architecture's package below a base URL. */
async function app(base: string, arch: string) {
  return await httpGet(`${baseFor(base, arch)}/Packages/a/app-1.0-1.${arch}.rpm`)
}

describe('each architecture', () => {
  test('has a metalink of its own, by which nothing new is one request', async (t) => {
    const all = await ArchFarm.start(t, (url) =>
      archSettings(`${url}unused/$basearch/`, ARCHES, (arch) => ({
        baseurls: [],
        list: { kind: 'metalink', url: `${url}lists/${arch}`, expireMs: 86_400_000 },
        variables: new Map([['basearch', arch]]),
      })),
    )
    const { farm, upstream } = all
    const list = (arch: string) => {
      const bytes = readFileSync(join(all.dirOf(arch), 'repodata/repomd.xml'))
      const urls = [`${upstream.url}$basearch/repodata/repomd.xml`]
      write(join(all.dir, 'lists', arch), formatMetalink({ repomds: [{ bytes }], urls }))
    }
    for (const arch of ARCHES) {
      all.publish(arch, [{ name: 'app', arch }])
      list(arch)
    }
    await farm.sync('m')
    const base = await farm.current('m')
    for (const arch of ARCHES) assert.equal((await app(base, arch)).status, 200)
    const before = upstream.count()
    assert.equal((await farm.sync('m')).outcome, 'unchanged')
    assert.deepEqual(
      upstream.requests.slice(before).map(({ path }) => path),
      ARCHES.map((arch) => `/lists/${arch}`),
    )
    // What its metalink does not list is not published, with whatever else is new.
    all.publish('aarch64', [{ name: 'new', arch: 'aarch64' }])
    all.publish('x86_64', [{ name: 'new', arch: 'x86_64' }])
    for (const arch of ARCHES) list(arch)
    all.publish('x86_64', [{ name: 'newer', arch: 'x86_64' }])
    await assert.rejects(farm.sync('m'), /x86_64: no mirror that answers has a repomd\.xml/)
    assert.equal(await farm.current('m'), base)
    list('x86_64')
    assert.equal((await farm.sync('m')).outcome, 'published')
    const { list: state } = await all.json<{ list: { url: string } }>('/api/v1/mirrors/m')
    assert.match(state.url, /\/lists\/aarch64$/)
  })

  test(
    'is signed by itself, and with repo_gpgcheck all are or nothing is published',
    needs('gpg'),
    async (t) => {
      const gpg = Gpg.create(t)
      const keys = new Map<string, string>()
      for (const arch of ARCHES) keys.set(arch, await gpg.generate(arch, { algorithm: 'ed25519' }))
      const armored = new Map<string, Buffer>()
      for (const [arch, key] of keys) armored.set(arch, await gpg.export([key]))
      const dataDir = tempDir(t)
      const settings = (url: string) =>
        archSettings(`${url}$basearch/`, ARCHES, (arch) => ({
          gpgKeys: [{ file: `/keys/${arch}`, armored: armored.get(arch) ?? Buffer.of() }],
        }))
      const checked = (url: string) => ({ ...settings(url), repoGpgcheck: true })
      const all = await ArchFarm.start(t, settings, { dataDir })
      const sign = async (arch: string, by = arch) => {
        const repomd = readFileSync(join(all.dirOf(arch), 'repodata/repomd.xml'))
        const signature = await gpg.sign(repomd, { keys: [keys.get(by) ?? ''] })
        writeFileSync(join(all.dirOf(arch), 'repodata/repomd.xml.asc'), signature)
      }
      for (const arch of ARCHES) {
        all.publish(arch, [{ name: 'app', arch }])
        await sign(arch)
      }
      await all.farm.sync('m')
      const first = await all.farm.current('m')
      for (const arch of ARCHES)
        assert.equal((await httpGet(`${baseFor(first, arch)}/repodata/repomd.xml.asc`)).status, 200)
      await all.farm.close()

      // Asked for later, it is verified of each.
      const mirrors = { m: checked(all.upstream.url) }
      const farm = await startApp(t, { dataDir, mirrors, now: Date.now })
      assert.equal((await farm.sync('m')).outcome, 'unchanged')
      const read = async () => {
        const { path } = (await (await fetch(`${farm.url}/api/v1/mirrors/m`)).json()) as { path: string }
        const name = path.split('/')[4] ?? ''
        const url = `${farm.url}/api/v1/mirrors/m/snapshots/${name}`
        return (await (await fetch(url)).json()) as {
          signature: { state: string }
          signatures: Record<string, { state: string; fingerprint: string }>
        }
      }
      const { signature, signatures } = await read()
      assert.equal(signature.state, 'verified')
      for (const arch of ARCHES) assert.equal(signatures[arch]?.fingerprint, keys.get(arch))

      // The key of one says nothing of the other.
      for (const arch of ARCHES) {
        all.publish(arch, [{ name: 'new', arch }])
        await sign(arch, 'aarch64')
      }
      await assert.rejects(farm.sync('m'), /x86_64: repo_gpgcheck refuses the signature/)
      assert.equal((await farm.current('m')).replace(/:\d+/, ''), first.replace(/:\d+/, ''))
      await sign('x86_64')
      assert.equal((await farm.sync('m')).outcome, 'published')
      for (const arch of ARCHES) assert.equal((await read()).signatures[arch]?.state, 'verified')
      // What did not change keeps who signed it.
      all.publish('x86_64', [{ name: 'newer', arch: 'x86_64' }])
      await sign('x86_64')
      await farm.sync('m')
      assert.equal((await read()).signatures['aarch64']?.fingerprint, keys.get('aarch64'))
    },
  )

  test('has files beside its packages, and keeps them when only another one changes', async (t) => {
    const all = await ArchFarm.start(t, () => ({ extraFiles: ['.treeinfo', 'LICENSE'] }))
    for (const arch of ARCHES) {
      const content = `<prestodelta><newpackage name="a"><delta><filename>drpms/a.drpm</filename><checksum type="sha256">${digestOf(arch).slice(7)}</checksum><size>${arch.length}</size></delta></newpackage></prestodelta>`
      all.publish(arch, [{ name: 'app', arch }], { records: [{ type: 'prestodelta', content }] })
      write(join(all.dirOf(arch), 'drpms/a.drpm'), arch)
      write(join(all.dirOf(arch), 'images/vmlinuz'), kernel(arch))
      write(join(all.dirOf(arch), '.treeinfo'), `[checksums]\nimages/vmlinuz = ${digestOf(kernel(arch))}\n`)
    }
    await all.farm.sync('m')
    all.publish('x86_64', [{ name: 'new', arch: 'x86_64' }])
    const before = all.upstream.count()
    await all.farm.sync('m')
    assert.equal(all.upstream.requests.slice(before).filter(({ path }) => path.includes('aarch64')).length, 1)
    const base = await all.farm.current('m')
    for (const arch of ARCHES) {
      const root = baseFor(base, arch)
      assert.deepEqual((await httpGet(`${root}/images/vmlinuz`)).body, kernel(arch))
      assert.equal((await httpGet(`${root}/.treeinfo`)).status, 200)
      assert.equal((await httpGet(`${root}/LICENSE`)).status, 404)
    }
    assert.equal((await httpGet(`${baseFor(base, 'aarch64')}/drpms/a.drpm`)).body.toString(), 'aarch64')
    assert.equal((await httpGet(`${baseFor(base, 'x86_64')}/drpms/a.drpm`)).status, 404)
  })

  test('has files beside its packages that make a snapshot of all when they change alone, and are fetched ahead', async (t) => {
    const all = await ArchFarm.start(t, () => ({ extraFiles: ['.treeinfo', 'few/*'], policy: 'immediate' }))
    const { farm, upstream } = all
    const treeinfo = (arch: string, byte: string) => {
      write(join(all.dirOf(arch), 'images/vmlinuz'), kernel(byte))
      write(join(all.dirOf(arch), '.treeinfo'), `[checksums]\nimages/vmlinuz = ${digestOf(kernel(byte))}\n`)
    }
    for (const arch of ARCHES) {
      all.publish(arch, [{ name: 'app', arch }])
      treeinfo(arch, arch)
    }
    await farm.sync('m')
    await farm.app.prefetcher.settled('m')
    for (const arch of ARCHES) assert.equal(upstream.count(`/${arch}/images/vmlinuz`), 1)
    const first = await farm.current('m')
    assert.equal((await farm.app.sync('m', 'socket user somebody')).outcome, 'unchanged')

    treeinfo('x86_64', 'another')
    assert.equal((await farm.sync('m')).outcome, 'unchanged', 'the schedule looks once a day')
    const result = await farm.app.sync('m', 'socket user somebody')
    assert.ok(result.outcome === 'published')
    assert.deepEqual([result.extraFiles, result.added, result.removed], [['x86_64/.treeinfo'], 0, 0])
    const second = await farm.current('m')
    assert.deepEqual(await readKernel(first, 'x86_64'), kernel('x86_64'))
    assert.deepEqual(await readKernel(second, 'x86_64'), kernel('another'))
    for (const base of [first, second]) assert.deepEqual(await readKernel(base, 'aarch64'), kernel('aarch64'))
    assert.equal((await farm.app.sync('m', 'socket user somebody')).outcome, 'unchanged')

    const { pathname } = new URL(`${baseFor(second, 'aarch64')}/images/vmlinuz`)
    const { file } = await all.json<{ file: { stated_in: string } }>(`/api/v1/why?path=${pathname}`)
    assert.equal(file.stated_in, '.treeinfo')
    const view = await all.json<{ extra_file_problems: readonly string[] }>('/api/v1/mirrors/m')
    assert.deepEqual(
      view.extra_file_problems.map((problem) => problem.split(':', 1)[0]),
      ARCHES.map((arch) => `${arch}/few/*`),
    )
  })

  test('may lead elsewhere, is rewritten alone, and is not again when another one changes', async (t) => {
    const all = await ArchFarm.start(t)
    const bytes = Buffer.from('a package that is elsewhere')
    write(join(all.dir, 'pool/app.rpm'), bytes)
    const element = formatElement('app', { href: 'app.rpm', base: `${all.upstream.url}pool/` })
    const right = element
      .replace('0'.repeat(64), digestOf(bytes).slice(7))
      .replace('"1"/>\n<loc', `"${bytes.length}"/>\n<loc`)
    const content = formatPrimary([right])
    all.publish('aarch64', [{ name: 'app', arch: 'aarch64' }])
    writeRepodata(all.dirOf('x86_64'), [{ type: 'primary', content }])
    await all.farm.sync('m')
    const read = async () => {
      const base = await all.farm.current('m')
      const root = baseFor(base, 'x86_64')
      const { packages } = await all.json<{ packages: number }>('/api/v1/mirrors/m')
      assert.equal(packages, 2)
      const page = (await httpGet(`${root}/_base/`)).body.toString()
      const [, encoded = ''] = /<a href="\.\/([^"/]*)\//.exec(page) ?? []
      assert.deepEqual((await httpGet(`${root}/_base/${encoded}/app.rpm`)).body, bytes)
      return (await httpGet(`${root}/repodata/repomd.xml`)).body.toString()
    }
    const first = await read()
    assert.equal((await all.json<{ xml_base: string }>('/api/v1/mirrors/m')).xml_base, 'rewritten')
    all.publish('aarch64', [{ name: 'new', arch: 'aarch64' }])
    assert.equal((await all.farm.sync('m')).outcome, 'published')
    assert.equal((await all.farm.sync('m')).outcome, 'unchanged')
    all.publish('aarch64', [{ name: 'app', arch: 'aarch64' }])
    await all.farm.sync('m')
    assert.equal(await read(), first)
    assert.equal((await all.json<{ xml_base: string }>('/api/v1/mirrors/m')).xml_base, 'rewritten')
  })

  test('has fallbacks for what it no longer has, by the href of its own repository', async (t) => {
    const all = await ArchFarm.start(t, (url) => {
      const fallbacks = [`${url}vault/$basearch/`, `${url}koji/{name}/{href}`]
      const fill = (arch: string) => fallbacks.map((one) => one.replace('$basearch', arch))
      return {
        ...archSettings(`${url}$basearch/`, ARCHES, (arch) => ({ fallbacks: fill(arch) })),
        fallbacks,
      }
    })
    for (const arch of ARCHES)
      all.publish(arch, [
        { name: 'app', arch },
        { name: 'lost', arch },
      ])
    await all.farm.sync('m')
    const old = await all.farm.current('m')
    for (const arch of ARCHES) {
      const file = join(all.dirOf(arch), `Packages/a/app-1.0-1.${arch}.rpm`)
      write(join(all.dir, 'vault', arch, `Packages/a/app-1.0-1.${arch}.rpm`), readFileSync(file))
      rmSync(join(all.dirOf(arch), 'Packages'), { recursive: true })
      all.publish(arch, [{ name: 'new', arch }])
    }
    await all.farm.sync('m')
    for (const arch of ARCHES) {
      const kept = await app(old, arch)
      assert.equal(kept.status, 200, String(kept.headers['x-pinyon-reason']))
      const { status, headers } = await httpGet(`${baseFor(old, arch)}/Packages/l/lost-1.0-1.${arch}.rpm`)
      assert.equal(status, 502)
      assert.match(String(headers['x-pinyon-reason']), /lost/)
      assert.equal(all.upstream.count(`/koji/lost/Packages/l/lost-1.0-1.${arch}.rpm`), 1)
    }
    const { lost } = await all.json<{ lost: number }>('/api/v1/mirrors/m')
    assert.equal(lost, 2)
  })
})
