import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { pinyon } from '../cli/pinyon.ts'
import { DnfRoot } from '../support/dnf.ts'
import { startNginx } from '../support/nginx.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// A job as it is written for upstream: its repositories are made the farm's by one command, and real dnf installs from them.

const DISTRIBUTED = `# as distributed
[base-el9]
name=Base
metalink=http://127.0.0.1:9/metalink?repo=base-el9&arch=$basearch
enabled=1
gpgcheck=0
`

/** A machine whose one repository is as distributed, beyond its reach. */
function startSlave(t: TestContext): { readonly root: DnfRoot; readonly repoFile: string } {
  const dir = tempDir(t)
  mkdirSync(join(dir, 'repos.d'))
  const repoFile = join(dir, 'repos.d/base.repo')
  writeFileSync(repoFile, DISTRIBUTED)
  return { root: new DnfRoot(dir, []), repoFile }
}

test(
  'a job whose .repo file is injected installs what its view says, while upstream has moved on',
  needs('dnf', 'rpmbuild', 'createrepo_c', 'nginx'),
  async (t) => {
    const dir = tempDir(t)
    const first = await buildRpms(
      [
        { name: 'app', requires: ['lib'] },
        { name: 'lib', version: '1.0' },
      ],
      join(dir, 'rpms'),
    )
    const tree = new RepositoryTree(join(dir, 'upstream')).add(...first)
    await tree.publish()
    const nginx = await startNginx(t, tree.dir)
    const farm = await startApp(t, { mirrors: { 'base-el9': nginx.url } })
    await farm.sync('base-el9')
    const env = { CI_MIRRORS_URL: `${farm.url}/repos/views/job-1/all_latest.json` }
    const inject = async (file: string, job = env) => {
      const { code, stderr } = await pinyon(['inject', '--strict', join(file, '..')], { env: job })
      assert.equal(code, 0, stderr)
    }

    const build = startSlave(t)
    assert.notEqual((await build.root.install('app')).code, 0, 'what is distributed cannot be reached')
    assert.equal(readFileSync(build.repoFile, 'utf8'), DISTRIBUTED)
    await inject(build.repoFile)
    const built = await build.root.install('app')
    assert.equal(built.code, 0, built.stderr)

    tree
      .add(...(await buildRpms([{ name: 'lib', version: '2.0' }], join(dir, 'newer'))))
      .remove('lib-1.0-1.noarch.rpm')
    await tree.publish()
    assert.equal((await farm.sync('base-el9')).outcome, 'published')

    const check = startSlave(t)
    await inject(check.repoFile)
    assert.equal(readFileSync(check.repoFile, 'utf8'), readFileSync(build.repoFile, 'utf8'))
    const checked = await check.root.install('app')
    assert.equal(checked.code, 0, checked.stderr)
    assert.deepEqual(await check.root.installed(), ['app-1.0-1.noarch', 'lib-1.0-1.noarch'])

    await inject(check.repoFile, { CI_MIRRORS_URL: `${farm.url}/repos/yum/all_latest.json` })
    assert.equal((await check.root.run('upgrade')).code, 0)
    assert.deepEqual(await check.root.installed(), ['app-1.0-1.noarch', 'lib-2.0-1.noarch'])
  },
)
