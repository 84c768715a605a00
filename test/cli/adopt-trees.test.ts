import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { OldMirrorTree, corrupt } from '../support/old-tree.ts'
import { runCommand } from '../support/run-command.ts'
import { startServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { A_RPM, DAYS, createOldFarm, names, packagesOf } from './old-farm.ts'
import { pinyon } from './pinyon.ts'

describe('adopt, of other trees', () => {
  test('the directory of one mirror is as good as that of all of them', async (t) => {
    const { tree, farm } = createOldFarm(t)
    const { stdout, code } = await farm.run('adopt', `${tree.dir}/`)
    assert.deepEqual([code, stdout.startsWith('m: adopted 3')], [0, true])
  })

  test('snapshots from before 2017 have all of their repodata in their own directory', async (t) => {
    const { tree, adopt, farm } = createOldFarm(t, [0])
    tree.publishSynthetic(DAYS[1], { packages: packagesOf(1) })
    rmSync(join(tree.dir, DAYS[0], 'repodata'), { recursive: true })
    tree.publishSynthetic(DAYS[2], { packages: packagesOf(0), simpleNames: true })
    cpSync(join(tree.base, 'repodata'), join(tree.dir, DAYS[0], 'repodata'), { recursive: true })
    tree.publishSynthetic(DAYS[2], { packages: packagesOf(2), simpleNames: true })
    const report = await adopt()
    assert.deepEqual([report.code, names(report)], [0, DAYS.slice(0, 3)])
    assert.deepEqual(
      report.adopted.map(({ packages }) => packages),
      [2, 3, 4],
    )
    assert.equal(existsSync(farm.dataDir), true)
  })

  test('repodata of the classic createrepo, with xml:base in repomd.xml and sha for sha1, are as good', async (t) => {
    const { tree, root, farm } = createOldFarm(t, [])
    tree.publishSynthetic(DAYS[0], { packages: packagesOf(0), algorithm: 'sha1' })
    const repomd = join(tree.dir, DAYS[0], 'repodata/repomd.xml')
    const text = readFileSync(repomd, 'utf8')
      .replaceAll('<location href', '<location xml:base="http://old.example.org/yum/m/base" href')
      .replaceAll('type="sha1"', 'type="sha"')
    writeFileSync(repomd, text)
    const { stdout } = await farm.run('adopt', root)
    assert.match(stdout, /^m: adopted 1 snapshot, 2018-11-01-00-00\n {2}2 packages: 2 copied .*\n$/)
    const server = await startServer(t, { dir: farm.dir, text: readFileSync(farm.configFile, 'utf8') })
    const served = await httpGet(`${server.url}/repos/yum/m/${DAYS[0]}/repodata/repomd.xml`)
    assert.equal(served.body.toString(), text)
  })

  test('a file that is wrong beside a snapshot may be right in base', async (t) => {
    const { tree, adopt } = createOldFarm(t)
    const filelists = tree.repodataFile(DAYS[0], 'filelists')
    const copy = join(tree.dir, DAYS[0], 'repodata', basename(filelists))
    cpSync(filelists, copy)
    corrupt(copy)
    const report = await adopt()
    assert.deepEqual([report.code, report.adopted[0]?.defects], [0, []])
  })

  test('a signature beside a snapshot goes with it; that of base belongs to another', async (t) => {
    const { tree, adopt, farm } = createOldFarm(t)
    const armour = '-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n'
    writeFileSync(join(tree.base, 'repodata/repomd.xml.asc'), armour)
    writeFileSync(join(tree.dir, DAYS[1], 'repodata/repomd.xml.asc'), armour)
    assert.equal((await adopt()).code, 0)
    const server = await startServer(t, { dir: farm.dir, text: readFileSync(farm.configFile, 'utf8') })
    const signature = async (day: string) =>
      await httpGet(`${server.url}/repos/yum/m/${day}/repodata/repomd.xml.asc`)
    assert.deepEqual(
      await Promise.all(DAYS.slice(0, 3).map(async (day) => (await signature(day)).status)),
      [404, 200, 404],
    )
  })

  test('links are followed within the tree, and not out of it', async (t) => {
    const { tree, root, farm } = createOldFarm(t)
    const outside = tempDir(t)
    renameSync(join(tree.base, A_RPM(1)), join(outside, 'a'))
    symlinkSync(join(outside, 'a'), join(tree.base, A_RPM(1)))
    renameSync(join(tree.base, A_RPM(2)), join(root, 'a'))
    symlinkSync('../../../../a', join(tree.base, A_RPM(2)))
    const { code, stdout } = await farm.run('adopt', root)
    assert.equal(code, 1)
    assert.match(stdout, /3 copied .* 1 wrong/)
    assert.match(stdout, /left out .*a-1-1.*a link leads out of the tree, to /)
    renameSync(tree.base, join(outside, 'base'))
    symlinkSync(join(outside, 'base'), tree.base)
    rmSync(farm.dataDir, { recursive: true })
    const led = await farm.run('adopt', root)
    assert.match(led.stdout, /^m: nothing new; failed: reading .*a link leads out of the tree/)
  })

  test('what may not be read is named, and nothing is adopted without it', needs('nobody'), async (t) => {
    const { tree, root, farm, snapshots } = createOldFarm(t)
    chmodSync(farm.dir, 0o777)
    chmodSync(join(farm.dir, '..'), 0o711)
    const primary = tree.repodataFile(DAYS[1], 'primary')
    chmodSync(primary, 0o000)
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath]
    const main = new URL('../../src/main.ts', import.meta.url).pathname
    const args = [...asNobody, main, 'adopt', root, '-c', farm.configFile]
    const refused = await runCommand('setpriv', args, { env: { PINYON_LOG: 'silent' } })
    assert.equal(refused.code, 1, refused.stderr)
    assert.match(refused.stdout, /^m: nothing new; failed: reading .*primary\.xml\.gz: EACCES/)
    // Root must not write into what is nobody's.
    const asRoot = await farm.run('adopt', root)
    assert.equal(asRoot.code, 1)
    assert.match(asRoot.stderr, /server's user, who has .*pinyon\.db: uid 65534/)
    chmodSync(primary, 0o644)
    assert.equal((await runCommand('setpriv', args)).code, 0)
    assert.equal((await snapshots()).length, 3)
  })

  test('a directory that is none, has no mirror, or not the one asked for, is told', async (t) => {
    const { farm, root } = createOldFarm(t)
    const failures = [
      [['adopt', join(root, 'nowhere')], 1, /looking into .*nowhere: ENOENT/],
      [['adopt', farm.configFile], 1, /pinyon\.yaml: ENOTDIR/],
      [['adopt', tempDir(t)], 3, /no mirror is in/],
      [['adopt', root, 'n'], 1, /no such mirror in .*, (?:there|perhaps) .*: n$/m],
      [['adopt'], 2, /missing required argument/],
    ] as const
    for (const [args, code, message] of failures) {
      const result = await pinyon([...args, '-c', farm.configFile])
      assert.deepEqual([result.code, result.stdout], [code, ''])
      assert.match(result.stderr, message)
    }
  })

  test('a directory whose name no mirror can have is told, and the others go on', async (t) => {
    const { root, farm } = createOldFarm(t)
    const other = new OldMirrorTree(root, 'a b')
    other.publishSynthetic(DAYS[0], { packages: [] })
    const { code, stdout } = await farm.run('adopt', root)
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^a b: nothing new; failed: this cannot be a mirror's name: it holds " "\nm: adopted 3/,
    )
  })
})
