import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { BisectReport } from '../../src/cli/bisect-session.ts'
import type { DiffView } from '../../src/snapshot/diff/diff-document.ts'
import { pinyon } from '../cli/pinyon.ts'
import { createRepository, RepositoryTree } from '../support/repository.ts'
import { buildRpms, rpmFileName, type RpmSpec } from '../support/rpm.ts'
import { mustRun, type CommandResult } from '../support/run-command.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { startApp } from '../support/start-app.ts'
import { syncAt } from '../support/sync-at.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// Upstream published something broken: which change was it? With packages of rpmbuild, repodata of createrepo_c, and dnf as the job.

interface Farm {
  readonly server: StartedServer
  readonly run: (...args: string[]) => Promise<CommandResult>
  readonly sync: () => Promise<string>
}

async function startFarm(t: TestContext, upstream: string): Promise<Farm> {
  const server = await startServer(t, { mirrors: { el9: { baseurl: `file://${upstream}/` } } })
  const run = (...args: string[]) => pinyon([...args, '--config', server.configFile])
  const sync = async () => {
    const { snapshot, error } = await syncAt(server.dataDir, 'el9')
    return snapshot ?? assert.fail(error)
  }
  return { server, run, sync }
}

/** A job as CI has it: installs a package from the snapshot that its environment names, into an empty root. */
function writeJob(dir: string): string {
  for (const name of ['log', 'persist', 'vars', 'repos.d']) mkdirSync(join(dir, name), { recursive: true })
  writeFileSync(join(dir, 'dnf.conf'), '[main]\n')
  writeFileSync(join(dir, '.rpmmacros'), '%_dbpath /var/lib/rpm\n')
  const settings = {
    reposdir: `${dir}/repos.d`,
    logdir: `${dir}/log`,
    persistdir: `${dir}/persist`,
    varsdir: `${dir}/vars`,
    cachedir: '"$root/cache"',
    module_platform_id: 'platform:el9',
    retries: '1',
  }
  const options = Object.entries(settings).map(([name, value]) => `--setopt=${name}=${value}`)
  const job = join(dir, 'job.sh')
  writeFileSync(
    job,
    `set -eu
export HOME=${dir}
root=$(mktemp -d ${dir}/root-XXXXXX)
dnf --assumeyes --config=${dir}/dnf.conf --installroot="$root" --disableplugin='*' --releasever=9 --forcearch=x86_64 \\
  ${options.join(' ')} --repofrompath="$PINYON_MIRROR,$PINYON_BASEURL" --repo="$PINYON_MIRROR" --nogpgcheck install app
`,
  )
  return job
}

test(
  'bisect finds the snapshot in which a dependency broke the job, diff shows the change, and pin goes back',
  needs('dnf', 'rpmbuild', 'createrepo_c'),
  async (t) => {
    const rpms = tempDir(t)
    const build = (specs: readonly RpmSpec[]) => buildRpms(specs, rpms)
    const tree = new RepositoryTree(join(tempDir(t), 'upstream'))
    tree.add(
      ...(await build([
        { name: 'app', requires: ['lib >= 1'] },
        { name: 'lib', version: '1.0' },
      ])),
    )
    const farm = await startFarm(t, tree.dir)
    await tree.publish()
    const names = [await farm.sync()]
    const job = writeJob(tempDir(t))
    // Jobs ran from the start: what they installed is here, whatever upstream deletes.
    const baseurl = `${farm.server.url}/repos/yum/el9/${names[0]}`
    await mustRun('sh', [job], { env: { PINYON_MIRROR: 'el9', PINYON_BASEURL: baseurl } })
    // Every push brings a newcomer. The sixth also brings a lib that needs what is nowhere, and takes the old one away.
    for (let push = 1; push < 10; push += 1) {
      tree.add(...(await build([{ name: `newcomer-${push}` }])))
      if (push === 6) {
        const broken: RpmSpec = { name: 'lib', version: '1.1', requires: ['libnowhere.so.1'] }
        tree.remove(rpmFileName({ name: 'lib', version: '1.0' })).add(...(await build([broken])))
      }
      await tree.publish()
      names.push(await farm.sync())
    }

    const url = ['--base', farm.server.url]
    const found = await farm.run(
      'bisect',
      'el9',
      names[0] ?? '',
      'newest',
      '--run',
      `sh ${job}`,
      ...url,
      '--json',
    )
    assert.equal(found.code, 0, found.stderr)
    const report = JSON.parse(found.stdout) as BisectReport
    assert.deepEqual([report.first_bad, report.last_good], [names[6], names[5]], found.stderr)
    assert.ok(report.runs.length <= 4, `${report.runs.length} runs for 10 snapshots`)
    assert.match(found.stderr, /nothing provides libnowhere\.so\.1/, 'it failed for the right reason')

    const { stdout } = await farm.run('diff', 'el9', report.last_good, report.first_bad ?? '', '--json')
    const { upgraded, added } = JSON.parse(stdout) as DiffView
    assert.deepEqual(
      upgraded.map(({ name, from, to }) => [name, from.evr, to.evr]),
      [['lib', '1.0-1', '1.1-1']],
    )
    assert.deepEqual(
      added.map(({ name }) => name),
      ['newcomer-6'],
    )
    assert.equal((await farm.run('pin', 'el9', report.last_good)).code, 0)
    const current = await farm.run(
      'bisect',
      'el9',
      'current',
      'newest',
      '--run',
      `sh ${job}`,
      ...url,
      '--check-ends',
    )
    assert.equal(current.code, 0, current.stderr)
    assert.match(current.stdout, new RegExp(`^first bad  ${names[6]}$`, 'm'))
  },
)

test(
  'a package rebuilt under its old name is an alarm at the sync, in the diff, and nowhere else',
  needs('rpmbuild', 'createrepo_c'),
  async (t) => {
    const rpms = tempDir(t)
    const dir = join(tempDir(t), 'upstream')
    const app = await startApp(t, { mirrors: { el9: `file://${dir}/` } })
    const put = async (spec: RpmSpec, folder: string) => {
      const [path = ''] = await buildRpms([spec], rpms)
      mkdirSync(join(dir, folder), { recursive: true })
      copyFileSync(path, join(dir, folder, basename(path)))
    }
    let revision = 1_600_000_000
    const publish = async () => {
      await createRepository(dir, { revision: (revision += 1) })
      const result = await app.sync('el9')
      assert.ok(result.outcome === 'published')
      const reply = await fetch(`${app.url}/api/v1/mirrors/el9/diff`)
      const diff = reply.status === 200 ? ((await reply.json()) as DiffView) : undefined
      return { replaced: result.replaced, summary: diff?.summary, diff }
    }
    const none = { replaced: 0, downgraded: 0, removed: 0, upgraded: 0, added: 0, advisories: 0 }
    await put({ name: 'app' }, 'a')
    await put({ name: 'tool', summary: 'one build' }, 'a')
    // Of one name and version, two builds: real repositories have that.
    await put({ name: 'tool', summary: 'another build' }, 'b')
    assert.deepEqual((await publish()).replaced, 0)

    await put({ name: 'newcomer' }, 'a')
    const { replaced, summary } = await publish()
    assert.deepEqual([replaced, summary], [0, { ...none, added: 1 }], 'duplicates that stay are no alarm')

    await put({ name: 'app', summary: 'rebuilt, and nobody raised the release' }, 'a')
    const rebuilt = await publish()
    assert.deepEqual([rebuilt.replaced, rebuilt.summary], [1, { ...none, replaced: 1 }])
    const [entry] = rebuilt.diff?.replaced ?? []
    assert.deepEqual([entry?.nevra, entry?.href], ['app-1.0-1.noarch', 'a/app-1.0-1.noarch.rpm'])
    assert.notEqual(entry?.from.digest, entry?.to.digest)
  },
)

test(
  'new advisories are told as modifyrepo_c put them there',
  needs('rpmbuild', 'createrepo_c'),
  async (t) => {
    const rpms = tempDir(t)
    const tree = new RepositoryTree(join(tempDir(t), 'upstream'))
    const app = await startApp(t, { mirrors: { el9: `file://${tree.dir}/` } })
    tree.add(...(await buildRpms([{ name: 'xz', version: '5.6.1' }], rpms)))
    for (const [compression, count] of [
      ['gz', 1],
      ['bz2', 3],
      ['xz', 4],
    ] as const) {
      await tree.publish()
      const updates = Array.from(
        { length: count },
        (_, index) =>
          `<update type="security" status="final" from="x" version="1"><id>RHSA-2024:${index}</id><title>Critical: xz &amp; co</title>` +
          `<issued date="2024-03-29"/><severity>Critical</severity><references><reference type="cve" id="CVE-2024-${3000 + index}" href="x"/></references></update>`,
      )
      const file = join(rpms, 'updateinfo.xml')
      writeFileSync(
        file,
        `<?xml version="1.0" encoding="UTF-8"?>\n<updates>${updates.join('\n')}</updates>\n`,
      )
      await mustRun('modifyrepo_c', [`--compress-type=${compression}`, file, join(tree.dir, 'repodata')])
      await app.sync('el9')
    }
    const { advisories, advisories_error: error } = (await (
      await fetch(`${app.url}/api/v1/mirrors/el9/diff`)
    ).json()) as DiffView
    assert.equal(error, null)
    assert.deepEqual(advisories, [
      {
        id: 'RHSA-2024:3',
        type: 'security',
        severity: 'Critical',
        title: 'Critical: xz & co',
        issued: '2024-03-29',
        cves: ['CVE-2024-3003'],
      },
    ])
  },
)
