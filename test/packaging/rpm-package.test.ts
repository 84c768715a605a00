import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { documents, readLinks } from '../docs/blocks.ts'
import { dnf } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { createRepository } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { startServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { copyCheckout, sampleUrl } from './checkout.ts'

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c', 'root')

test('the RPM is built without a network, installed by dnf, and serves', TOOLS, async (t) => {
  const repository = tempDir(t)
  await mustRun('sh', [join(copyCheckout(t), 'config/rpm/build.sh'), repository])
  const others = { provides: ['/bin/sh', '/usr/bin/env', 'shadow-utils'] }
  await buildRpms(
    [
      { name: 'nodejs', epoch: 1, version: '24.1.0' },
      { name: 'base', ...others },
    ],
    repository,
  )
  await createRepository(repository)
  const dir = tempDir(t)
  const args = ['install', '--setopt=tsflags=noscripts', 'pinyon']
  const repos = [{ id: 'built', baseurl: `file://${repository}/` }]
  const installed = await dnf(dir, { repos, args, arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64' })
  assert.equal(installed.code, 0, installed.stderr)
  const root = join(dir, 'root')
  assert.equal(statSync(join(root, 'usr/bin/pinyon')).mode & 0o777, 0o755)
  assert.equal(statSync(join(root, 'var/lib/pinyon')).mode & 0o777, 0o750)
  assert.match(
    readFileSync(join(root, 'usr/bin/pinyon'), 'utf8'),
    /PINYON_CONFIG:-\/etc\/pinyon\/pinyon\.yaml/,
  )

  const read = join(root, 'usr/share/doc/pinyon')
  const references = readdirSync(join(read, 'docs/reference')).map((name) => `docs/reference/${name}`)
  for (const document of [...documents(), ...references, 'ARCHITECTURE.md', 'CONTRIBUTING.md'])
    for (const { path } of readLinks(read, document))
      assert.ok(existsSync(join(read, path)), `${document} links to ${path}, which is not installed`)

  const home = join(root, 'usr/lib/pinyon')
  assert.deepEqual(readdirSync(join(home, 'node_modules/better-sqlite3/prebuilds')), [
    `linux-${process.arch}.node`,
  ])
  const main = join(home, 'dist/main.js')
  const check = join(dir, 'pinyon.yaml')
  const shipped = readFileSync(join(root, 'etc/pinyon/pinyon.yaml'), 'utf8')
  writeFileSync(check, shipped.replace('/usr/share', join(root, 'usr/share')))
  const checked = await runCommand(process.execPath, [main, 'check-config', '--config', check])
  assert.equal(checked.code, 0, checked.stderr)
  const mirrors = { sample: { baseurl: sampleUrl(join(root, 'usr/share/pinyon')) } }
  const server = await startServer(t, { main, mirrors })
  const sync = await runCommand(process.execPath, [main, 'sync', '--config', server.configFile])
  assert.equal(sync.code, 0, sync.stdout + sync.stderr)
  assert.equal((await httpGet(`${server.url}/readyz`)).status, 200)
})
