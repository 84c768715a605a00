import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { corrupt } from '../support/old-tree.ts'
import { runCommand } from '../support/run-command.ts'
import { startServer } from '../support/start-server.ts'
import { A_RPM, DAYS, createOldFarm, names, packagesOf } from './old-farm.ts'

describe('adopt, of a tree that has rotted', () => {
  test('a snapshot without its primary is refused, one without its filelists is not', async (t) => {
    const { tree, adopt, snapshots, farm } = createOldFarm(t)
    unlinkSync(tree.repodataFile(DAYS[0], 'primary'))
    unlinkSync(tree.repodataFile(DAYS[1], 'filelists'))
    const report = await adopt()
    assert.equal(report.code, 1)
    assert.deepEqual([names(report), await snapshots()], [DAYS.slice(1, 3), DAYS.slice(1, 3)])
    assert.deepEqual(
      report.refused.map(({ name }) => name),
      [DAYS[0]],
    )
    assert.match(report.refused[0]?.reason ?? '', /primary\.xml\.gz/)
    assert.match(report.adopted[0]?.defects[0] ?? '', /filelists\.xml\.gz: .*the old tree has it neither in/)
    const server = await startServer(t, { dir: farm.dir, text: readFileSync(farm.configFile, 'utf8') })
    const get = async (path: string) => (await httpGet(`${server.url}/repos/yum/m/${path}`)).status
    const lost = tree.repodataFile(DAYS[1], 'filelists').replace(/^.*\/repodata/, 'repodata')
    assert.deepEqual(
      [
        await get(`${DAYS[1]}/${lost}`),
        await get(`${DAYS[1]}/${A_RPM(2)}`),
        await get(`${DAYS[0]}/repodata/repomd.xml`),
      ],
      [404, 200, 404],
    )
  })

  test('a primary or another file with wrong bytes counts as gone', async (t) => {
    const { tree, adopt } = createOldFarm(t)
    corrupt(tree.repodataFile(DAYS[0], 'primary'))
    corrupt(tree.repodataFile(DAYS[2], 'other'))
    const filelists = tree.repodataFile(DAYS[1], 'filelists')
    unlinkSync(filelists)
    mkdirSync(filelists)
    const report = await adopt()
    assert.deepEqual([report.code, names(report)], [1, DAYS.slice(1, 3)])
    assert.match(report.refused[0]?.reason ?? '', /expected sha256:/)
    assert.match(report.adopted[0]?.defects[0] ?? '', /filelists\.xml\.gz: /)
    assert.match(report.adopted[1]?.defects[0] ?? '', /other\.xml\.gz: /)
  })

  test('packages are left out when they are wrong and counted when they are missing; all else is there', async (t) => {
    const { tree, adopt, farm } = createOldFarm(t)
    corrupt(join(tree.base, A_RPM(1)))
    const damaged = join(tree.base, A_RPM(2))
    writeFileSync(damaged, readFileSync(damaged).fill(0, 10, 20))
    unlinkSync(join(tree.base, A_RPM(3)))
    const report = await adopt()
    assert.deepEqual([report.code, names(report)], [1, DAYS.slice(0, 3)])
    const { listed, copied, missing, wrong } = report.packages
    assert.deepEqual({ listed, copied, missing, wrong }, { listed: 4, copied: 1, missing: 1, wrong: 2 })
    assert.match(
      report.wrong.toSorted().join('\n'),
      /a-1-1.*not the listed 1000 bytes: 1001\n.*a-2-1.*expected sha256/,
    )
    const entries = readdirSync(join(farm.dataDir, 'blobs.v1/sha256'), {
      recursive: true,
      withFileTypes: true,
    })
    const blobs = entries.filter((entry) => entry.isFile())
    assert.equal(blobs.length, 3 * 4 + 1, 'repodata and one package')

    writeFileSync(damaged, 'x')
    const dry = await adopt('--dry-run')
    assert.deepEqual([dry.code, dry.packages['present'], dry.packages['wrong']], [1, 1, 2])
    cpSync(join(tree.base, 'Packages/b/b-1-1.noarch.rpm'), join(tree.base, A_RPM(1)))
    const other = await adopt()
    assert.deepEqual(
      [other.present, other.packages['present'], other.packages['wrong']],
      [DAYS.slice(0, 3), 1, 2],
    )
  })

  test('mended later, the packages that were missing come in', async (t) => {
    const { tree, adopt } = createOldFarm(t)
    renameSync(join(tree.base, A_RPM(2)), join(tree.dir, 'aside'))
    assert.deepEqual([(await adopt()).code, (await adopt()).packages['missing']], [0, 1])
    renameSync(join(tree.dir, 'aside'), join(tree.base, A_RPM(2)))
    const { packages, code, adopted } = await adopt()
    assert.deepEqual([code, adopted, packages['copied'], packages['present']], [0, [], 1, 3])
  })

  test('what is no snapshot is told, and what has nothing to do with it is left alone', async (t) => {
    const { tree, root, adopt, farm } = createOldFarm(t, [0])
    mkdirSync(join(tree.dir, '2018-13-45-99-00/repodata'), { recursive: true })
    mkdirSync(join(tree.dir, '2018-11-02-00-00'))
    mkdirSync(join(tree.dir, '2018-11-03-00-00/repodata'), { recursive: true })
    writeFileSync(join(tree.dir, '2018-11-03-00-00/repodata/repomd.xml'), '<html>')
    mkdirSync(join(tree.dir, 'lost+found'))
    mkdirSync(join(root, 'ghost/base'), { recursive: true })
    writeFileSync(join(root, 'all_latest.json'), '{}')
    const report = await adopt('m')
    assert.deepEqual([report.code, names(report)], [1, [DAYS[0]]])
    assert.deepEqual(
      report.refused.map(({ name, reason }) => `${name} ${reason}`.replace(/(repomd\.xml).*/, '$1')),
      [
        '2018-11-02-00-00 the old tree has it neither in 2018-11-02-00-00: repodata/repomd.xml',
        '2018-11-03-00-00 reading repomd.xml',
        '2018-13-45-99-00 no moment has this name: 2018-13-45-99-00',
      ],
    )
    assert.deepEqual((await farm.run('adopt', root, 'ghost')).code, 3)
  })
})

describe('adopt, into what is there', () => {
  test('once the farm has begun with pinyon, old snapshots come before its own', async (t) => {
    const { farm, tree, adopt, snapshots } = createOldFarm(t)
    farm.publish('m', [...packagesOf(2), { name: 'new' }])
    assert.equal((await farm.run('sync')).code, 0)
    const server = await startServer(t, { dir: farm.dir, text: readFileSync(farm.configFile, 'utf8') })
    const get = async (path: string) =>
      (await httpGet(`${server.url}/repos/yum/${path}`)).body.toString('latin1')
    const [current, index] = [await get('m/latest.txt'), await get('all_latest.json')]
    tree.rollBack(DAYS[1])
    const report = await adopt()
    assert.deepEqual([report.code, names(report), report.generation], [0, DAYS.slice(0, 3), null])
    assert.equal(report.pin, null, 'what was rolled back is of no consequence after newer snapshots')
    assert.deepEqual(await snapshots(), [...DAYS.slice(0, 3), current.trim()])
    assert.deepEqual([await get('m/latest.txt'), await get('all_latest.json')], [current, index])
    assert.equal((await get(`m/${DAYS[0]}/${A_RPM(1)}`)).length, 1000)
    farm.publish('m', [{ name: 'newer' }])
    const synced = await farm.run('sync')
    assert.match(synced.stdout, /1 package \(1 added, 5 removed\)/)
    assert.equal((await snapshots()).length, 5)
    assert.deepEqual((await adopt()).present, DAYS.slice(0, 3))
  })

  test('newer ones come after, and what would lie between is refused', async (t) => {
    const { tree, adopt, snapshots } = createOldFarm(t, [0, 2])
    assert.deepEqual(names(await adopt()), [DAYS[0], DAYS[2]])
    tree.publishSynthetic(DAYS[1], { packages: packagesOf(1) })
    tree.publishSynthetic(DAYS[3], { packages: packagesOf(3) })
    tree.publishSynthetic('2018-10-31-23-59', { packages: [] })
    const report = await adopt()
    assert.deepEqual([report.code, names(report)], [1, ['2018-10-31-23-59', DAYS[3]]])
    assert.deepEqual(
      report.refused.map(({ name }) => name),
      [DAYS[1]],
    )
    assert.match(report.refused[0]?.reason ?? '', /none can be put between/)
    assert.deepEqual(await snapshots(), ['2018-10-31-23-59', DAYS[0], DAYS[2], DAYS[3]])
  })

  test('a name that is there with another content is told, and stays what it is', async (t) => {
    const { tree, adopt, farm } = createOldFarm(t)
    await adopt()
    const before = (await farm.run('snapshots', 'm')).stdout
    tree.publishSynthetic(DAYS[1], { packages: [{ name: 'other' }] })
    const report = await adopt()
    assert.deepEqual([report.code, report.present], [1, [DAYS[0], DAYS[2]]])
    assert.match(report.refused[0]?.reason ?? '', /another content/)
    assert.equal((await farm.run('snapshots', 'm')).stdout, before)
  })

  test('a tree that had been rolled back tells the pin that keeps it so', async (t) => {
    const { tree, root, farm, adopt } = createOldFarm(t)
    tree.rollBack(DAYS[1])
    const { stdout, code } = await farm.run('adopt', root)
    assert.equal(code, 0)
    assert.match(stdout, /rolled back\.\n.*\n {4}mirrors:\n {6}m:\n {8}pin: 2018-11-02-00-00\n/)
    assert.equal((await farm.run('pin', 'm', DAYS[1])).code, 0)
    assert.doesNotMatch((await farm.run('adopt', root)).stdout, /rolled back/)
    for (const [latest, note] of [
      ['', /names what is not there: ""/],
      [`${DAYS[1]}\nsecond`, /names what is not there/],
    ] as const) {
      tree.rollBack(latest)
      const report = await adopt()
      assert.equal(report.pin, null)
      assert.match(report.notes.join(), note)
    }
    unlinkSync(join(tree.dir, 'latest.txt'))
    assert.match((await adopt()).notes.join(), /no latest\.txt/)
  })

  test('a trial tells all of that and writes nothing at all', async (t) => {
    const { adopt, farm, tree } = createOldFarm(t)
    unlinkSync(tree.repodataFile(DAYS[0], 'primary'))
    unlinkSync(join(tree.base, A_RPM(1)))
    const trial = await adopt('--dry-run')
    assert.equal(existsSync(farm.dataDir), false)
    const real = await adopt()
    assert.deepEqual({ ...trial, dry_run: false }, { ...real })
    const listing = async () => (await runCommand('find', [farm.dataDir, '-printf', '%p %s %T@\n'])).stdout
    const before = await listing()
    assert.deepEqual((await adopt('--dry-run')).present, DAYS.slice(1, 3))
    assert.equal(blobsOf(await listing()), blobsOf(before))
  })
})

/** Opening the database to read makes and removes files beside it. */
function blobsOf(listing: string): string {
  return listing
    .split('\n')
    .filter((line) => line.includes('/blobs.v1/'))
    .toSorted()
    .join('\n')
}
