import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { Rebuilt } from '../../src/app/rebuilder.ts'
import type { VerifyReport } from '../../src/snapshot/verify/verify-report.ts'
import { httpGet } from '../support/http-get.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { pinyon } from './pinyon.ts'

async function startFarm(t: TestContext) {
  const dir = tempDir(t)
  const { packages } = writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
  const server = await startServer(t, { mirrors: { m: { baseurl: `file://${dir}/`, retries: 0 } } })
  const run = (...args: readonly string[]) => pinyon([...args, '--config', server.configFile])
  assert.equal((await run('sync')).code, 0)
  const [first] = packages
  assert.ok(first)
  const url = `${server.url}/repos/yum/m/latest/${first.href}`
  assert.equal((await httpGet(url)).status, 200)
  const digest = first.checksum.slice('sha256:'.length)
  const blob = join(server.dataDir, 'blobs.v1', 'sha256', digest.slice(0, 2), digest.slice(2))
  return { server, run, url, blob, href: first.href, root: dir }
}

test('verify: by the running server, and by itself when none runs', async (t) => {
  const { server, run, url, blob, href, root } = await startFarm(t)
  const fine = await run('verify')
  assert.equal(fine.code, 0, fine.stderr)
  assert.match(fine.stdout, /^\d+ files, [\d.]+ \w+, were read: all are right\.\n$/)

  writeFileSync(blob, 'rotten')
  const told = await run('verify', '--dry-run')
  assert.equal(told.code, 1)
  assert.match(
    told.stdout,
    /; 1 was not right:\n {2}sha256:[0-9a-f]{64}\n {4}listed\n {4}its bytes are sha256:/,
  )
  assert.ok(told.stdout.includes(`    m: ${href}, in 20`))
  const mended = await run('verify', '--json')
  assert.equal(mended.code, 0)
  const report = JSON.parse(mended.stdout) as VerifyReport
  assert.deepEqual([report.ok, report.findings.map(({ state }) => state)], [true, ['refetched']])
  assert.ok(existsSync(join(server.dataDir, report.findings[0]?.quarantined ?? '')))
  assert.equal((await httpGet(url)).status, 200)

  await server.kill('SIGTERM')
  writeFileSync(blob, 'rotten again')
  const alone = await run('verify')
  assert.deepEqual([alone.code, alone.stdout.includes('    fetched again\n')], [0, true])
  // What nobody has any more is told, with how it could not be had, and fails the command.
  writeFileSync(blob, 'rotten at last')
  rmSync(join(root, href))
  const broken = await run('verify')
  assert.equal(broken.code, 1)
  assert.match(broken.stdout, /cannot be fetched again: .+\n/)
  assert.match(broken.stdout, /What is broken cannot be served until some source has it again\.\n$/)
})

test('verify --rebuild: only where no server runs, with what it restored, and the farm goes on', async (t) => {
  const { server, run, url, href } = await startFarm(t)
  const database = join(server.dataDir, 'pinyon.db')
  const busy = await run('verify', '--rebuild')
  assert.equal(busy.code, 1)
  assert.match(busy.stderr, /stop the server of this data_dir/)
  const index = (await httpGet(`${server.url}/repos/yum/m/latest.txt`)).body.toString()
  await server.kill('SIGTERM')

  rmSync(database)
  for (const command of ['status', 'verify', 'serve']) {
    const lost = await run(command)
    assert.equal(lost.code, 1, command)
    assert.match(lost.stderr, /the database is lost.*`pinyon verify --rebuild`.*: .*pinyon\.db is gone\n$/)
  }
  const dry = await run('verify', '--rebuild', '--dry-run')
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(
    dry.stdout,
    /^There can be restored: 1 snapshot of 1 mirror, 0 names of retired ones, 1 generation/,
  )
  assert.equal(existsSync(database), false)
  const restored = await run('verify', '--rebuild')
  assert.equal(restored.code, 0, restored.stderr)
  assert.match(
    restored.stdout,
    /^Restored: 1 snapshot of 1 mirror.*\n\d+ files, .* are stored;.*\nThe inventory that/,
  )
  const json = JSON.parse((await run('verify', '--rebuild', '--json')).stdout) as Rebuilt
  assert.deepEqual([json.ok, json.snapshots, json.left_out, json.damaged], [true, 1, [], []])
  assert.ok(existsSync(json.previous ?? ''), 'the one that was there is kept')

  const again = await startServer(t, {
    dir: dirname(server.configFile),
    text: readFileSync(server.configFile, 'utf8'),
  })
  assert.equal((await httpGet(`${again.url}/repos/yum/m/latest.txt`)).body.toString(), index)
  const reply = await httpGet(`${again.url}${new URL(url).pathname}`)
  assert.deepEqual([reply.status, reply.headers['x-cache']], [200, 'hit'], href)
})
