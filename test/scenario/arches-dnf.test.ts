import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { ArchFarm, archSettings } from '../support/arch-farm.ts'
import { dnf, DnfRoot } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { RepositoryTree } from '../support/repository.ts'
import { runCommand } from '../support/run-command.ts'
import { buildRpms } from '../support/rpm.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c')

test(
  'machines of two architectures get their own by one base URL, injected or as mirror.repo',
  TOOLS,
  async (t) => {
    const dir = tempDir(t)
    for (const arch of ['aarch64', 'x86_64']) {
      const tree = new RepositoryTree(join(dir, 'up', arch))
      const own = { name: 'app', arch, version: arch === 'x86_64' ? '2.0' : '1.0', requires: ['docs'] }
      tree.add(...(await buildRpms([own, { name: 'docs' }], join(dir, 'rpms', arch))))
      await tree.publish()
    }
    const upstream = await startUpstream(t, join(dir, 'up'))
    const mirrors = { m: archSettings(`${upstream.url}$basearch/`, ['aarch64', 'x86_64']) }
    const farm = await startApp(t, { mirrors })
    await farm.sync('m')

    const written = '[m]\nname=m\nmetalink=http://gone.example/?arch=$basearch\nenabled=1\n'
    const injected = await fetch(`${farm.url}/repos/inject?format=yum`, { method: 'POST', body: written })
    const [, baseurl = ''] = /^baseurl=(.*)$/m.exec(await injected.text()) ?? []
    assert.equal(baseurl, await farm.current('m'))
    const section = (await httpGet(`${baseurl.replace('$basearch', 'x86_64')}/mirror.repo`)).body.toString()
    assert.match(section, new RegExp(`^baseurl=${RegExp.escape(baseurl)}$`, 'm'))

    for (const [arch, version] of [
      ['aarch64', '1.0'],
      ['x86_64', '2.0'],
    ] as const) {
      const found = await dnf(tempDir(t), {
        repos: [{ id: 'm', baseurl }],
        args: ['--quiet', 'repoquery', '--qf', '%{name} %{version} %{arch}\n'],
        arch,
      })
      assert.equal(found.code, 0, found.stderr)
      assert.deepEqual(found.stdout.split('\n').filter(Boolean).toSorted(), [
        `app ${version} ${arch}`,
        'docs 1.0 noarch',
      ])
    }
    const root = new DnfRoot(tempDir(t), [{ id: 'm', baseurl }])
    const installed = await root.install('app')
    assert.equal(installed.code, 0, installed.stderr)
    assert.deepEqual(await root.installed(), ['app-2.0-1.x86_64', 'docs-1.0-1.noarch'])
    assert.equal(upstream.count(/\.rpm$/), 2)
  },
)

test(
  'the client of slaves takes its own architecture, and sees that it answers',
  needs('curl'),
  async (t) => {
    const all = await ArchFarm.start(t)
    for (const name of ['aarch64', 'x86_64']) all.publish(name, [{ name: 'app', arch: name }])
    await all.farm.sync('m')
    const root = tempDir(t)
    const file = join(root, 'etc/yum.repos.d/m.repo')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '[m]\nname=m\nbaseurl=http://gone.example/\nenabled=1\n')
    const script = join(tempDir(t), 'client.sh')
    writeFileSync(script, (await httpGet(`${all.farm.url}/client.sh`)).body)
    const begun = await runCommand('sh', [script, 'begin', '--root', root])
    assert.equal(begun.code, 0, begun.stderr)
    assert.doesNotMatch(begun.stderr, /not checked/)
    assert.match(readFileSync(file, 'utf8'), /^baseurl=http:.*\/\$basearch$/m)
    assert.equal((await runCommand('sh', [script, 'rollback', '--root', root])).code, 0)
    assert.match(readFileSync(file, 'utf8'), /gone\.example/)
  },
)
