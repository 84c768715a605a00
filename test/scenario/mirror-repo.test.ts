import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { loadConfig } from '../../src/config/load.ts'
import { dnf } from '../support/dnf.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { mustRun } from '../support/run-command.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { findTool, needs } from '../support/tools.ts'

// A machine is set up with one request: what comes back is its repository, keys and all.

const TOOLS = needs('dnf', 'rpmbuild', 'rpmsign', 'gpg', 'createrepo_c', 'curl')
const SPECS = [{ name: 'signed' }, { name: 'unsigned' }]

/** A key of its own, exported as the distributions do. */
async function createKey(home: string): Promise<string> {
  mkdirSync(home, { mode: 0o700 })
  const gpg = (...args: readonly string[]) =>
    mustRun('gpg', ['--homedir', home, '--batch', '--quiet', ...args])
  await gpg('--passphrase', '', '--quick-generate-key', 'Test <test@example.org>', 'rsa3072', 'sign', 'never')
  const { stdout } = await gpg('--armor', '--export')
  return stdout
}

/** Signs a package in place. */
async function sign(rpm: string, home: string): Promise<void> {
  const macros = { __gpg: findTool('gpg') ?? '', _gpg_path: home, _gpg_name: 'test@example.org' }
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`])
  await mustRun('rpmsign', [...defines, '--addsign', rpm], { env: { HOME: home } })
}

test('dnf installs signed packages with the section that one request gives', TOOLS, async (t) => {
  const dir = tempDir(t)
  const home = join(dir, 'gnupg')
  writeFileSync(join(dir, 'KEY'), `Of the test:\n${await createKey(home)}`)
  t.after(() => mustRun('gpgconf', ['--homedir', home, '--kill', 'all']))
  const [signed = '', unsigned = ''] = await buildRpms(SPECS, join(dir, 'rpms'))
  await sign(signed, home)
  const tree = new RepositoryTree(join(dir, 'upstream')).add(signed, unsigned)
  await tree.publish()
  const file = join(dir, 'pinyon.yaml')
  const baseurl = pathToFileURL(tree.dir).href
  writeFileSync(file, `mirrors: {el9: {baseurl: "${baseurl}", gpgkey: "file:KEY"}}\n`)
  const farm = await startApp(t, { mirrors: {}, settings: { mirrors: loadConfig(file, {}).mirrors } })
  await farm.sync('el9')

  for (const view of [(await farm.current('el9')).split('/').at(-1), 'latest']) {
    const root = join(dir, `root-${view}`)
    const reposdir = join(dir, `repos-${view}`)
    mkdirSync(reposdir)
    const section = join(reposdir, 'x.repo')
    await mustRun('curl', ['-fsS', '-o', section, `${farm.url}/repos/yum/el9/${view}/mirror.repo`])
    assert.match(readFileSync(section, 'utf8'), /^gpgcheck=1$/m)
    const run = (...args: readonly string[]) =>
      dnf(root, { repos: [], args: [`--setopt=reposdir=${reposdir}`, ...args] })
    const cached = await run('makecache')
    assert.equal(cached.code, 0, cached.stderr)
    const installed = await run('install', 'signed')
    assert.equal(installed.code, 0, installed.stderr)
    assert.match(installed.stderr + installed.stdout, /Importing GPG key/)
    const refused = await run('install', 'unsigned')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr + refused.stdout, /unsigned.*is not signed/)
  }
})
