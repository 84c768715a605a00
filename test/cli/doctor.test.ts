import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import Database from 'better-sqlite3'

import {
  checkDatabase,
  checkDescriptors,
  checkDisk,
  checkListen,
  checkNode,
} from '../../src/cli/doctor/check-machine.ts'
import { checkMirrors } from '../../src/cli/doctor/check-mirrors.ts'
import { formatFindings } from '../../src/cli/doctor/doctor.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { loadConfig } from '../../src/config/load.ts'
import { digestOf } from '../../src/model/digest.ts'
import type { FailedLook } from '../../src/snapshot/sql-look.ts'
import { tempDir } from '../support/temp-dir.ts'
import { createFarm, pinyon } from './pinyon.ts'

/** A line of /proc/self/limits. */
function limits(hard: string): string {
  return `Max open files            1024                 ${hard}               files\n`
}

/** What is not right, as `check: found`. */
function trouble(stdout: string): string[] {
  const { findings } = JSON.parse(stdout) as { findings: Finding[] }
  for (const { level, advice } of findings) assert.ok(level === 'ok' || advice !== undefined, 'a way out')
  return findings.filter(({ level }) => level !== 'ok').map(({ check, found }) => `${check}: ${found}`)
}

/** Gives a database another number of its schema; returns the one it had. */
function setSchema(file: string, change: (schema: number) => number): number {
  const database = new Database(file)
  try {
    const schema = database.pragma('user_version', { simple: true }) as number
    if (change(schema) !== schema) database.pragma(`user_version = ${change(schema)}`)
    return schema
  } finally {
    database.close()
  }
}

/** Every file below a directory with its time and bytes. */
function describeFiles(directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()
  return files.map((name) => {
    const found = statSync(join(directory, name))
    const content = found.isFile() ? digestOf(readFileSync(join(directory, name))) : ''
    return `${name} ${found.isFile() ? found.mtimeMs : ''} ${content}`
  })
}

describe('pinyon doctor', () => {
  test('finds nothing wrong with a farm that works, and makes no database', async (t) => {
    const farm = createFarm(t, ['m'])
    farm.publish('m', [{ name: 'a', content: 10 }])
    const { code, stdout } = await farm.run('doctor')
    assert.equal(code, 0, stdout)
    assert.match(stdout, /^ok {4}database +none yet/m)
    assert.match(stdout, /^ok {4}mirror m +file:\/\/\S+ answers in \d+ ms, 3 files of repodata$/m)
    assert.match(stdout, /\n\n\d+ right, 0 to look at, 0 wrong\n$/)
    assert.equal((await farm.run('sync')).code, 0)
    assert.match((await farm.run('doctor')).stdout, /^ok {4}database +1 mirror, generation 1$/m)
  })

  test('says of each mirror what is wrong with it, and what to do', async (t) => {
    const farm = createFarm(t, ['page', 'elsewhere', 'good'])
    farm.publish('good', [])
    const page = join(farm.dir, 'upstream/page/repodata')
    mkdirSync(page, { recursive: true })
    writeFileSync(join(page, 'repomd.xml'), '<!DOCTYPE html><html><title>Log in</title></html>')
    mkdirSync(join(farm.dir, 'upstream/elsewhere'), { recursive: true })
    const { code, stdout } = await farm.run('doctor', '--json')
    assert.equal(code, 1)
    const found = trouble(stdout)
    assert.equal(found.length, 2, stdout)
    assert.match(found[0] ?? '', /^mirror page: .*repomd\.xml/)
    assert.match(found[1] ?? '', /^mirror elsewhere: .*repomd\.xml/)
  })

  test('tells of a mirror that answers why its last sync failed, until one succeeds', async (t) => {
    const farm = createFarm(t, ['m', 'n'])
    farm.publish('m', [{ name: 'a' }], 1_700_000_000)
    farm.publish('n', [])
    assert.equal((await farm.run('sync')).code, 0)
    farm.publish('m', [], 1_600_000_000)
    assert.equal((await farm.run('sync')).code, 1)
    const { code, stdout } = await farm.run('doctor', '--json')
    assert.equal(code, 1)
    assert.match(
      trouble(stdout).join('\n'),
      /^mirror m: file:\S+ answers in \d+ ms, .*; its last sync, \d+ s ago, failed: upstream went backwards at [^\n]*$/,
    )
    farm.publish('m', [{ name: 'b' }], 1_700_000_001)
    assert.equal((await farm.run('sync')).code, 0)
    assert.deepEqual(trouble((await farm.run('doctor', '--json')).stdout), [])
  })

  test('takes what a server tries again, of a mirror that answers, for trouble in passing', async (t) => {
    const level = async (
      look: Partial<FailedLook>,
      { isServed = true, interval = '8h' }: { readonly isServed?: boolean; readonly interval?: string } = {},
    ) => {
      const farm = createFarm(t, ['m'], { sync_interval: interval })
      farm.publish('m', [])
      const failed = { error: 'upstream is shy', atMs: 0, failures: 1, hasSucceeded: true, ...look }
      const config = loadConfig(farm.configFile, {})
      const [finding] = await checkMirrors(config, Date.now(), new Map([['m', failed]]), isServed)
      assert.match(finding?.found ?? '', /, failed: upstream is shy$/)
      return finding?.level
    }
    assert.equal(await level({}), 'warn')
    assert.equal(await level({ failures: 2 }), 'warn')
    assert.equal(await level({ failures: 3 }), 'fail', 'it lasts')
    assert.equal(await level({ hasSucceeded: false }), 'fail', 'it never worked')
    assert.equal(await level({}, { isServed: false }), 'fail', 'nobody tries again')
    assert.equal(await level({}, { interval: 'off' }), 'fail', 'nor here')
  })

  test('tells a data_dir that cannot be one, and a refused configuration', async (t) => {
    const farm = createFarm(t, [])
    writeFileSync(farm.dataDir, 'a file')
    const { code, stdout } = await farm.run('doctor', '--json')
    assert.equal(code, 1)
    assert.match(trouble(stdout)[0] ?? '', /^data_dir: \S+data: /)
    writeFileSync(farm.configFile, 'listen: nowhere\n')
    const refused = await pinyon(['doctor', '--config', farm.configFile])
    assert.equal(refused.code, 1)
    assert.match(refused.stdout, /^fail {2}configuration .*listen/m)
  })

  test('tells a port that is taken, few descriptors, and an old Node', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    t.after(() => void taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const finding = await checkListen({ listen: { host: '127.0.0.1', port } })
    assert.deepEqual([finding.check, finding.level], ['listen', 'fail'])
    assert.match(finding.advice ?? '', /something else listens there/)
    assert.equal((await checkListen({ listen: { host: '192.0.2.1', port: 0 } })).level, 'fail')
    assert.equal(checkDescriptors(limits('1024')).level, 'warn')
    assert.equal(checkDescriptors(limits('unlimited')).level, 'ok')
    assert.deepEqual(
      ['22.1.0', '24.0.0', '26.0.0'].map((version) => checkNode(version).level),
      ['fail', 'ok', 'ok'],
    )
  })

  test('tells a clock that has gone back, and a database that is damaged', async (t) => {
    const farm = createFarm(t, ['m'])
    farm.publish('m', [])
    await farm.sync()
    const hourAgo = Date.now() - 3_600_000
    const levels = (nowMs: number) =>
      checkDatabase(farm.dataDir, nowMs).map(({ check, level }) => `${check} ${level}`)
    assert.deepEqual(levels(Date.now()), ['database ok', 'clock ok'])
    assert.deepEqual(levels(hourAgo), ['database ok', 'clock fail'])
    const damaged = tempDir(t)
    writeFileSync(join(damaged, 'pinyon.db'), 'no database '.repeat(1_000))
    const [found] = checkDatabase(damaged, Date.now())
    assert.equal(found?.level, 'fail')
    assert.match(found?.advice ?? '', /verify --rebuild/)
  })

  test('changes nothing in the data directory, and tells a database of another schema', async (t) => {
    const farm = createFarm(t, ['m'])
    farm.publish('m', [])
    const unused = join(farm.dataDir, '..', 'unused')
    assert.deepEqual(
      checkDisk({ dataDir: unused, cache: { maxBytes: 1, memoryBytes: 1 } })
        .map(({ level }) => level)
        .slice(0, 1),
      ['ok'],
    )
    assert.equal(existsSync(unused), false)
    await farm.sync()
    const file = join(farm.dataDir, 'pinyon.db')
    const known = setSchema(file, (schema) => schema)
    for (const [shift, level, expected] of [
      [0, 'ok', /^1 mirror, generation 1$/],
      [-1, 'warn', new RegExp(`^of an older pinyon: schema ${known - 1}, and this one has ${known}$`)],
      [
        1,
        'fail',
        new RegExp(`^of a newer pinyon: schema ${known + 1}, and this one knows ${known} at most$`),
      ],
    ] as const) {
      setSchema(file, () => known + shift)
      const before = describeFiles(farm.dataDir)
      const [found] = checkDatabase(farm.dataDir, Date.now())
      assert.equal(found?.level, level)
      assert.match(found?.found ?? '', expected)
      assert.equal((await farm.run('doctor')).code, level === 'fail' ? 1 : 0)
      assert.deepEqual(describeFiles(farm.dataDir), before)
    }
    setSchema(file, () => known)
    rmSync(file)
    const [lost] = checkDatabase(farm.dataDir, Date.now())
    assert.deepEqual(
      [lost?.level, lost?.advice],
      ['fail', 'with the server stopped: pinyon verify --rebuild'],
    )
  })

  test('shows hostile text as text', () => {
    const findings: Finding[] = [{ check: 'mirror m', level: 'fail', found: '\u001b[2Jx\ny', advice: 'do' }]
    const text = formatFindings(findings)
    assert.ok(!text.includes('\u001b'))
    assert.equal(text.split('\n').length, 5)
  })
})
