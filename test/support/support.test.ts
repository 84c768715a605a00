import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { digestOf } from '../../src/model/digest.ts'
import { DnfRoot } from './dnf.ts'
import { httpGet } from './http-get.ts'
import { startNginx } from './nginx.ts'
import { createRepository, RepositoryTree } from './repository.ts'
import { buildRpms, rpmFileName, type RpmSpec } from './rpm.ts'
import { runCommand } from './run-command.ts'
import { writeSyntheticRepository } from './synthetic-repository.ts'
import { tempDir } from './temp-dir.ts'
import { findTool, hasTools, needs } from './tools.ts'
import { startUpstream } from './upstream.ts'

const LIBRARY: RpmSpec = { name: 'lib+x', version: '1.0~rc1', sizeBytes: 5000 }
const PROGRAM: RpmSpec = { name: 'app', arch: 'x86_64', requires: ['lib+x >= 1.0~'], epoch: 2 }

describe('the machine as tests see it', () => {
  test('a temporary directory is gone after its test', async (t) => {
    let dir = ''
    await t.test('using one', (inner) => {
      dir = tempDir(inner)
      assert.deepEqual(readdirSync(dir), [])
    })
    assert.equal(existsSync(dir), false)
  })

  test('the network is refused, in children too', async () => {
    assert.throws(() => connect(80, '192.0.2.1'), { code: 'ENETUNREACH' })
    assert.throws(() => connect({ host: 'example.org', port: 443 }), /reach the network: example\.org:443/)
    await assert.rejects(fetch('http://192.0.2.1/'), (error: Error) => /network/.test(String(error.cause)))
    const child = await runCommand(process.execPath, ['-e', 'require("net").connect(80, "192.0.2.1")'])
    assert.match(child.stderr, /a test tried to reach the network: 192\.0\.2\.1:80/)
  })

  test('tools are found, or named with the package that brings them', () => {
    assert.equal(hasTools('sh'), true)
    assert.match(findTool('sh') ?? '', /^\/.*\/sh$/)
    assert.deepEqual(needs('sh'), { skip: false })
    assert.deepEqual(needs('sh', 'no-such-tool'), { skip: 'needs no-such-tool' })
  })
})

describe('a synthetic repository', () => {
  test('states what its files are, and is the same each time', (t) => {
    const [dir, again] = [tempDir(t), tempDir(t)]
    const packages = [{ name: 'a' }, { name: 'b', version: '2^git', content: Buffer.from('bytes') }]
    const records = [{ type: 'modules', fileName: 'modules.yaml', content: '---\n' }]
    for (const compress of ['gz', 'zst', 'none'] as const) {
      const written = writeSyntheticRepository(dir, { packages, records, compress })
      for (const entry of [...written.packages, ...written.records]) {
        const bytes = readFileSync(join(dir, entry.href))
        assert.deepEqual([entry.checksum, entry.size], [digestOf(bytes), bytes.length])
      }
      writeSyntheticRepository(again, { packages, records, compress })
      const repomd = readFileSync(join(dir, 'repodata/repomd.xml'))
      assert.deepEqual(readFileSync(join(again, 'repodata/repomd.xml')), repomd)
    }
  })

  test('is one that dnf understands', needs('dnf'), async (t) => {
    const dir = tempDir(t)
    writeSyntheticRepository(dir, { packages: [{ name: 'a' }, { name: 'b', requires: ['a'], version: '3' }] })
    const upstream = await startUpstream(t, dir)
    const root = new DnfRoot(tempDir(t), [{ id: 'synthetic', baseurl: upstream.url }])
    const found = await root.repoquery('--nevra', '--requires', '--resolve', 'b')
    assert.deepEqual([found.code, found.stdout.trim(), found.stderr], [0, 'a-0:1.0-1.noarch', ''])
  })
})

describe('real packages', () => {
  test('are the same bytes whoever builds them', needs('rpmbuild'), async (t) => {
    const [first] = await buildRpms([PROGRAM], tempDir(t))
    const [, second] = await buildRpms([LIBRARY, PROGRAM, { name: 'app', version: '9' }], tempDir(t))
    assert.equal(digestOf(readFileSync(first ?? '')), digestOf(readFileSync(second ?? '')))
    assert.ok(readFileSync(first ?? '').length > 100)
  })

  test('install with dnf into an empty root', needs('root', 'dnf', 'rpmbuild', 'createrepo_c'), async (t) => {
    const tree = new RepositoryTree(tempDir(t)).add(...(await buildRpms([LIBRARY, PROGRAM], tempDir(t))))
    assert.equal(await tree.publish(), 1)
    const upstream = await startUpstream(t, tree.dir)
    const root = new DnfRoot(tempDir(t), [{ id: 'real', baseurl: upstream.url }])
    assert.equal((await root.makecache()).code, 0)
    const result = await root.install('app')
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(await root.installed(), ['app-1.0-1.x86_64', 'lib+x-1.0~rc1-1.noarch'])
    assert.equal(upstream.count(/\/lib%2bx-.*rpm$/), 1)
  })

  test('come and go with generations', needs('dnf', 'rpmbuild', 'createrepo_c'), async (t) => {
    const tree = new RepositoryTree(tempDir(t), { compress: 'xz' }).add(
      ...(await buildRpms([LIBRARY, PROGRAM], tempDir(t))),
    )
    await tree.publish()
    const before = readFileSync(join(tree.dir, 'repodata/repomd.xml'), 'utf8')
    await tree.remove(rpmFileName(PROGRAM)).publish()
    const after = readFileSync(join(tree.dir, 'repodata/repomd.xml'), 'utf8')
    assert.match(before, /<revision>1577836801</)
    assert.match(after, /<revision>1577836802</)
    const upstream = await startUpstream(t, tree.dir)
    const found = await new DnfRoot(tempDir(t), [{ id: 'real', baseurl: upstream.url }]).repoquery(
      '--nevra',
      '*',
    )
    assert.equal(found.stdout, 'lib+x-0:1.0~rc1-1.noarch\n')
  })

  test('are downloaded by dnf', needs('dnf', 'dnf-plugins-core', 'rpmbuild', 'createrepo_c'), async (t) => {
    const [dir, destination] = [tempDir(t), tempDir(t)]
    await buildRpms([LIBRARY], dir)
    await createRepository(dir)
    const upstream = await startUpstream(t, dir)
    const root = new DnfRoot(tempDir(t), [{ id: 'real', baseurl: upstream.url }])
    const result = await root.download(destination, 'lib+x')
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(readdirSync(destination), [rpmFileName(LIBRARY)])
  })

  for (const compress of ['gz', 'xz', 'bz2', 'zst'] as const) {
    test(`are listed in repodata of ${compress}`, needs('rpmbuild', 'createrepo_c'), async (t) => {
      const dir = tempDir(t)
      await buildRpms([LIBRARY], dir)
      await createRepository(dir, { compress })
      const repomd = readFileSync(join(dir, 'repodata/repomd.xml'), 'utf8')
      const hrefs = [...repomd.matchAll(/href="([^"]+)"/g)].map((match) => match[1] ?? '')
      assert.equal(hrefs.length, 3)
      for (const href of hrefs) {
        assert.ok(href.endsWith(`.xml.${compress}`), href)
        const bytes = readFileSync(join(dir, href))
        assert.ok(
          repomd.includes(`<checksum type="sha256">${digestOf(bytes).slice('sha256:'.length)}<`),
          href,
        )
        assert.ok(repomd.includes(`<size>${bytes.length}<`), href)
      }
    })
  }
})

test('nginx serves a directory, and is gone when stopped', needs('nginx'), async (t) => {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
  const nginx = await startNginx(t, dir, { accessLog: true })
  assert.equal((await httpGet(`${nginx.url}repodata/repomd.xml`)).status, 200)
  assert.equal((await httpGet(`${nginx.url}absent`)).status, 404)
  await nginx.stop()
  assert.match(nginx.accessLog(), /^GET \/repodata\/repomd\.xml 200 \d+\nGET \/absent 404 \d+\n$/)
  await assert.rejects(httpGet(nginx.url), { code: 'ECONNREFUSED' })
})
