import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { ServerConnection } from '../../src/cli/server-connection.ts'
import { DnfRoot } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { runCommand, type CommandResult } from '../support/run-command.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'
import { syncAt } from '../support/sync-at.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const HEAD =
  '# The farm. Ask before you change it.\nlisten: 127.0.0.1:0\ndata_dir: ./data\nsync_interval: off\n'

interface Farm {
  readonly server: StartedServer
  readonly pinyon: (...args: string[]) => Promise<CommandResult>
  readonly latest: () => Promise<string>
  /** Has the server sync el9, without a process for that. */
  readonly sync: () => Promise<void>
}

async function startFarm(t: TestContext, baseurl: string): Promise<Farm> {
  const dir = tempDir(t)
  const text = `${HEAD}mirrors:\n  el9:            # everybody's\n    baseurl: ${baseurl}\n\n  # an old friend\n  el7: { baseurl: ${baseurl}, enabled: false }\n`
  const server = await startServer(t, { text, dir })
  return {
    server,
    pinyon: (...args) => runCommand(process.execPath, [MAIN, ...args, '--config', server.configFile]),
    sync: async () => {
      const { outcome, error } = await syncAt(server.dataDir, 'el9')
      assert.notEqual(outcome, 'failed', error)
    },
    latest: async () => (await httpGet(`${server.url}/repos/yum/el9/latest.txt`)).body.toString().trim(),
  }
}

test(
  'pin: the old version, through later syncs, until unpin',
  needs('dnf', 'rpmbuild', 'createrepo_c'),
  async (t) => {
    const tree = new RepositoryTree(join(tempDir(t), 'upstream'))
    tree.add(...(await buildRpms([{ name: 'app', version: '1.0' }], tempDir(t))))
    await tree.publish()
    const upstream = await startUpstream(t, tree.dir)
    const { pinyon, latest, server } = await startFarm(t, upstream.url)
    const sync = async (version?: string) => {
      if (version !== undefined) tree.add(...(await buildRpms([{ name: 'app', version }], tempDir(t))))
      if (version !== undefined) await tree.publish()
      const synced = await pinyon('sync', 'el9')
      assert.equal(synced.code, 0, synced.stderr)
    }
    const installed = async () => {
      const root = new DnfRoot(tempDir(t), [
        { id: 'el9', baseurl: `${server.url}/repos/yum/el9/${await latest()}` },
      ])
      assert.equal((await root.install('app')).code, 0)
      return await root.installed()
    }
    await sync()
    const first = await latest()
    await sync('2.0')
    assert.deepEqual(await installed(), ['app-2.0-1.noarch'])
    const before = readFileSync(server.configFile, 'utf8')

    const rolledBack = await pinyon('rollback', 'el9', '--why', '2.0 eats disks')
    assert.equal(rolledBack.code, 0, rolledBack.stderr)
    assert.equal(await latest(), first)
    assert.deepEqual(await installed(), ['app-1.0-1.noarch'])
    const changed = readFileSync(server.configFile, 'utf8').split('\n')
    const added = changed.filter((line) => !before.split('\n').includes(line))
    assert.deepEqual(
      added,
      [`    pin: ${first}  # 2.0 eats disks`],
      'one line came, and nothing else changed',
    )

    await sync('3.0')
    assert.equal(await latest(), first, 'a later sync does not move a pinned mirror')
    assert.deepEqual(await installed(), ['app-1.0-1.noarch'])
    assert.match((await pinyon('status')).stdout, new RegExp(`el9 +${first} \\(pinned\\)`))

    const rolling = `${server.url}/repos/yum/el9/latest`
    assert.equal(
      (await httpGet(`${rolling}/Packages/app-3.0-1.noarch.rpm`)).status,
      200,
      'by name, after a roll-back too',
    )
    const since = new Date(Date.now() + 86_400_000).toUTCString()
    const later = await httpGet(`${rolling}/repodata/repomd.xml`, { headers: { 'If-Modified-Since': since } })
    assert.equal(later.status, 200, 'an older snapshot is no "not modified"')

    const unpinned = await pinyon('unpin', 'el9')
    assert.equal(unpinned.code, 0, unpinned.stderr)
    assert.deepEqual(await installed(), ['app-3.0-1.noarch'])
    assert.equal(readFileSync(server.configFile, 'utf8'), before)
    assert.equal((await pinyon('unpin', 'el9')).code, 3)
  },
)

test('rollback --generation puts the whole farm back, or only says how', async (t) => {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a', version: '1' }] })
  const upstream = await startUpstream(t, dir)
  const { pinyon, latest, server, sync } = await startFarm(t, upstream.url)
  await sync()
  const first = await latest()
  writeSyntheticRepository(dir, { packages: [{ name: 'a', version: '2' }] })
  await sync()
  const second = await latest()
  const before = readFileSync(server.configFile, 'utf8')
  const table = (await pinyon('generations')).stdout.split('\n').map((line) => line.split(/ +/))
  assert.deepEqual(table[1]?.slice(2, 6), ['sync', 'el9', first, second])
  assert.deepEqual(table[2]?.slice(2, 6), ['sync', 'el9', '-', first])

  const dry = await pinyon('rollback', '--generation', '1', '--dry-run')
  assert.deepEqual([dry.code, dry.stdout], [0, `el9: pin: ${first}\n`])
  assert.equal(readFileSync(server.configFile, 'utf8'), before)
  assert.equal((await pinyon('rollback', '--generation', '1')).code, 0)
  assert.equal(await latest(), first)
  assert.match(
    readFileSync(server.configFile, 'utf8'),
    new RegExp(`^    pin: ${first}  # generation 1$`, 'm'),
  )
  const none = await pinyon('generations', '--mirror', 'fc43')
  assert.deepEqual([none.code, none.stdout], [3, 'No generation changed fc43.\n'])
  assert.equal((await pinyon('rollback', '--generation', '99')).code, 1)
  assert.equal((await pinyon('rollback')).code, 2)
  assert.equal((await pinyon('rollback', 'el9', '--generation', '1')).code, 2)
})

test('a configuration that is invalid or pins what is not there is refused with its line, and the old one stays', async (t) => {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
  const upstream = await startUpstream(t, dir)
  const { pinyon, latest, server, sync } = await startFarm(t, upstream.url)
  await sync()
  const current = await latest()
  const good = readFileSync(server.configFile, 'utf8')
  const pinned = good.replace('    baseurl', '    pin: 1999-01-01-00-00\n    baseurl')
  for (const [text, reason] of [
    [pinned, new RegExp(`pinyon.yaml:7: mirrors.el9.pin: found 1999-01-01-00-00, expected .*${current}`)],
    [good.replace('baseurl', 'basurl'), /pinyon.yaml:7: mirrors.el9.basurl: /],
    [HEAD, /mirrors: found none, expected at least one, or `mirrors: \{\}` when none is meant/],
    [good.replace(':0', ':1'), /listen: found 127.0.0.1:1, expected 127.0.0.1:0 until a restart/],
  ] as const) {
    writeFileSync(`${server.configFile}.new`, text)
    renameSync(`${server.configFile}.new`, server.configFile)
    const state = await untilConfiguration(server, (error) => error !== null && reason.test(error))
    assert.match(state ?? '', reason)
    assert.equal(await latest(), current)
    assert.match((await httpGet(`${server.url}/metrics`)).body.toString(), /^pinyon_config_ok 0$/m)
  }
  writeFileSync(server.configFile, good)
  server.process.kill('SIGHUP')
  assert.equal(await untilConfiguration(server, (error) => error === null), null)
  assert.match((await httpGet(`${server.url}/metrics`)).body.toString(), /^pinyon_config_ok 1$/m)
  const wrong = await pinyon('pin', 'el9', '1999-01-01-00-00')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, new RegExp(`el9 has no snapshot 1999-01-01-00-00: the nearest are ${current}`))
  assert.equal(readFileSync(server.configFile, 'utf8'), good)
})

test('an empty mapping of mirrors takes all out of the index, and their snapshots answer on', async (t) => {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
  const upstream = await startUpstream(t, dir)
  const { latest, server, sync } = await startFarm(t, upstream.url)
  await sync()
  const current = await latest()
  const good = readFileSync(server.configFile, 'utf8')
  const index = async () => (await httpGet(`${server.url}/repos/yum/all_latest.json`)).body.toString()
  const full = await index()
  writeFileSync(server.configFile, `${HEAD}mirrors: {}\n`)
  while ((await index()) === full);
  assert.deepEqual(JSON.parse(await index()), { latest_ci_repos: {} })
  assert.equal(await untilConfiguration(server, (error) => error === null), null)
  const kept = await httpGet(`${server.url}/repos/yum/el9/${current}/repodata/repomd.xml`)
  assert.equal(kept.status, 200)
  writeFileSync(server.configFile, good)
  while ((await index()) !== full);
  assert.equal(await latest(), current)
})

/** The API's word on the configuration, asked until it is as expected; the test's own time limit ends the wait. */
async function untilConfiguration(
  server: StartedServer,
  expected: (error: string | null) => boolean,
): Promise<string | null> {
  const admin = await ServerConnection.open(join(server.dataDir, 'admin.sock'))
  assert.ok(admin !== undefined)
  try {
    for (;;) {
      const { error } = await admin.get<{ error: string | null }>('/api/v1/configuration')
      const open = await httpGet(`${server.url}/api/v1/configuration`)
      assert.ok(!open.body.includes('pinyon.yaml'), 'the network is told no path')
      if (expected(error)) return error
    }
  } finally {
    await admin.close()
  }
}

test('mirrors come, go, and move to another upstream under load: no request fails, no index is mixed', async (t) => {
  const [one, other] = await Promise.all(
    ['1', '2'].map(async (version) => {
      const dir = tempDir(t)
      writeSyntheticRepository(dir, { packages: [{ name: 'a', version }] })
      return await startUpstream(t, dir)
    }),
  )
  assert.ok(one !== undefined && other !== undefined)
  const { latest, server, sync } = await startFarm(t, one.url)
  await sync()
  const base = `${server.url}/repos/yum/el9/${await latest()}`
  // Fetched while its upstream was configured: an upstream that moves may not have it any more.
  assert.equal((await httpGet(`${base}/Packages/a/a-1-1.noarch.rpm`)).status, 200)
  const variants = [
    `${HEAD}mirrors:\n  el9: { baseurl: ${one.url} }\n`,
    `${HEAD}mirrors:\n  el9: { baseurl: ${other.url}, sync_interval: 1h }\n  new: { baseurl: ${one.url}, sync_interval: 1h }\n`,
    `${HEAD}mirrors:\n  el9: { baseurl: ['${one.url}', '${other.url}'] }\n  new: { baseurl: ${one.url}, enabled: false }\n`,
  ]
  let running = true
  let requests = 0
  const client = async () => {
    while (running) {
      const replies = await Promise.all([
        httpGet(`${base}/repodata/repomd.xml`),
        httpGet(`${base}/Packages/a/a-1-1.noarch.rpm`),
        httpGet(`${server.url}/repos/yum/all_latest.json`),
      ])
      for (const reply of replies) assert.equal(reply.status, 200, reply.body.toString())
      for (const target of Object.values(
        (JSON.parse(replies[2]?.body.toString() ?? '') as { latest_ci_repos: Record<string, string> })
          .latest_ci_repos,
      ))
        assert.equal((await httpGet(`${target}/repodata/repomd.xml`)).status, 200)
      requests += replies.length
    }
  }
  const clients = Array.from({ length: 8 }, client)
  const admin = await ServerConnection.open(join(server.dataDir, 'admin.sock'))
  assert.ok(admin !== undefined)
  for (let round = 0; round < 60; round += 1) {
    writeFileSync(`${server.configFile}.new`, variants[round % variants.length] ?? '')
    renameSync(`${server.configFile}.new`, server.configFile)
    for await (const _ of admin.post('/api/v1/reload'));
  }
  running = false
  await Promise.all(clients)
  await admin.close()
  assert.ok(requests > 100, `only ${requests} requests happened`)
})
