import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

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
