import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { manifest } from '../inject/client-sh/manifest.ts'
import { Client } from '../inject/client-sh/run-client.ts'
import { CLIENT, INSTALLED, write } from '../inject/client-sh/slave.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { mustRun, runCommand, type CommandResult } from '../support/run-command.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// The whole of a job on a slave, with real parts: it begins, upstream moves on, it installs with dnf, and it succeeds or fails.

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c', 'curl', 'root')
const RPM_DATABASE = '/var/lib/rpm'

/** A slave as an image has it: dnf's configuration points at upstream. */
class Slave {
  readonly root: string
  readonly client: Client

  constructor(t: TestContext, server: string, upstream: string) {
    this.root = tempDir(t)
    this.client = new Client(this.root, server, tempDir(t))
    const reposdir = join(this.root, 'etc/yum.repos.d')
    write(this.root, 'etc/dnf/dnf.conf', `[main]\ngpgcheck=0\nretries=1\nreposdir=${reposdir}\n`)
    write(this.root, 'etc/yum.repos.d/el9.repo', `[el9]\nname=el9\nbaseurl=${upstream}\n`)
    mkdirSync(join(this.root, 'var/log'), { recursive: true })
    write(this.root, INSTALLED, readFileSync(CLIENT, 'utf8'))
  }

  /** Runs dnf as on that slave: nothing but what is below its root configures it. */
  async dnf(...args: readonly string[]): Promise<CommandResult> {
    writeFileSync(join(this.root, '.rpmmacros'), `%_dbpath ${RPM_DATABASE}\n`)
    const paths = { cachedir: 'var/cache/dnf', logdir: 'var/log', varsdir: 'etc/dnf/vars' }
    const settings = Object.entries(paths).map(([key, path]) => `--setopt=${key}=${join(this.root, path)}`)
    const fixed = [
      '--assumeyes',
      '--disableplugin=*',
      `--config=${join(this.root, 'etc/dnf/dnf.conf')}`,
      `--installroot=${this.root}`,
      '--releasever=9',
      '--forcearch=x86_64',
      '--setopt=module_platform_id=platform:el9',
      ...settings,
    ]
    return await runCommand('dnf', [...fixed, ...args], { cwd: this.root, env: { HOME: this.root } })
  }

  async installed(): Promise<string[]> {
    const args = [`--root=${this.root}`, `--dbpath=${RPM_DATABASE}`, '--query', '--all']
    return (await mustRun('rpm', args)).stdout.split('\n').filter(Boolean).toSorted()
  }

  configuration(): string[] {
    return manifest(this.root).filter((line) => line.startsWith('etc'))
  }
}

test(
  'a job installs from its view while upstream moves on; one that fails is rolled back',
  TOOLS,
  async (t) => {
    const dir = tempDir(t)
    const tree = new RepositoryTree(join(dir, 'upstream'))
    tree.add(
      ...(await buildRpms(
        [{ name: 'app', requires: ['lib'] }, { name: 'lib' }, { name: 'tool' }],
        join(dir, 'one'),
      )),
    )
    await tree.publish()
    const upstream = await startUpstream(t, tree.dir)
    let nowMs = Date.UTC(2026, 0, 1)
    const app = await startApp(t, { mirrors: { el9: upstream.url }, now: () => nowMs })
    await app.sync('el9')
    const good = await app.current('el9')

    // The first job begins. Meanwhile upstream publishes what cannot be installed, and the farm takes it up.
    const first = new Slave(t, app.url, upstream.url)
    await first.client.must(['begin', '--view', 'jenkins-app-1', '--ttl', '2h'])
    tree.add(...(await buildRpms([{ name: 'app', version: '2.0', requires: ['nowhere'] }], join(dir, 'two'))))
    tree.remove('app-1.0-1.noarch.rpm')
    await tree.publish()
    nowMs += 60_000
    await app.sync('el9')
    const bad = await app.current('el9')
    assert.notEqual(bad, good)

    const install = await first.dnf('install', 'lib', 'tool')
    assert.equal(install.code, 0, install.stderr)
    const listed = await first.dnf('--quiet', 'repoquery', '--queryformat=%{name}-%{version}', 'app')
    assert.equal(listed.stdout.trim(), 'app-1.0')
    await first.client.must(['commit', '--view', 'jenkins-app-1'])
    assert.deepEqual(await first.installed(), ['lib-1.0-1.noarch', 'tool-1.0-1.noarch'])
    assert.match(
      readFileSync(join(first.root, 'etc/yum.repos.d/el9.repo'), 'utf8'),
      new RegExp(`^baseurl=${good}$`, 'm'),
    )

    // The second one gets what is current, fails, and its slave is as it was.
    const second = new Slave(t, app.url, upstream.url)
    const before = second.configuration()
    await second.client.must(['begin', '--view', 'jenkins-app-2'])
    assert.match(
      readFileSync(join(second.root, 'etc/yum.repos.d/el9.repo'), 'utf8'),
      new RegExp(`^baseurl=${bad}$`, 'm'),
    )
    const failed = await second.dnf('install', 'app')
    assert.notEqual(failed.code, 0)
    assert.match(failed.stderr, /nothing provides nowhere needed by app-2\.0-1\.noarch/)
    await second.client.must(['rollback', '--view', 'jenkins-app-2'])
    assert.deepEqual(second.configuration(), before)

    // Its next try has the slaves' repositories as git pins them, and no others.
    const conf = join(dir, 'slave.conf')
    writeFileSync(conf, `[main]\ngpgcheck=0\n[pinned]\nname=pinned\nbaseurl=${good}\n`)
    await second.client.must(['begin', '--view', 'jenkins-app-3', '--conf', conf])
    const pinned = await second.dnf('--quiet', 'repoquery', '--queryformat=%{name}-%{version} %{repoid}')
    assert.deepEqual(pinned.stdout.trim().split('\n').toSorted(), [
      'app-1.0 pinned',
      'lib-1.0 pinned',
      'tool-1.0 pinned',
    ])
    await second.client.must(['rollback', '--view', 'jenkins-app-3'])
    assert.deepEqual(second.configuration(), before)
  },
)
