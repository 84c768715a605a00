import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import { createFarm } from '../cli/pinyon.ts'
import { startWritableSite } from '../http/writable-site.ts'

test('a farm is not rolled back to a generation whose snapshots were retired: all of them are named, also by a dry run', async (t) => {
  const site = await startWritableSite(t)
  writeFileSync(site.file, site.text().replace('mirrors:', 'retention: { keep: 1 }\nmirrors:'))
  await site.write('POST', 'reload', { socket: true })
  assert.equal((await site.write('POST', 'gc', { socket: true })).status, 200)
  const before = site.text()
  for (const body of [{ generation: 2 }, { generation: 2, dry_run: true }]) {
    const { status, json } = await site.write('POST', 'rollback', { socket: true, body })
    assert.equal(status, 409, JSON.stringify(json))
    assert.match(
      String(json['detail']),
      new RegExp(`generation 2 .*gone: a ${site.names.a[0]}, b ${site.names.b[0]}`),
    )
  }
  assert.equal(site.text(), before)
  // What is there still can be rolled back to.
  const { status } = await site.write('POST', 'rollback', { socket: true, body: { generation: 4 } })
  assert.equal(status, 200)
})

test('nor is the file of a farm without a running server edited for that: it would not start', async (t) => {
  const farm = createFarm(t, ['m'], { retention: { keep: 1 } })
  for (const version of ['1', '2']) {
    farm.publish('m', [{ name: 'p', version }])
    await farm.sync()
  }
  assert.equal((await farm.run('gc')).code, 0)
  const before = readFileSync(farm.configFile, 'utf8')
  for (const options of [[], ['--dry-run']]) {
    const { code, stdout, stderr } = await farm.run('rollback', '--generation', '1', ...options)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /generation 1 cannot come back, .*: m \d{4}(-\d{2}){4}\n$/)
  }
  assert.equal(readFileSync(farm.configFile, 'utf8'), before)
})
