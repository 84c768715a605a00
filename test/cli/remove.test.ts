import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import Database from 'better-sqlite3'

import type { GenerationView } from '../../src/proxy/api-generations.ts'
import { httpGet } from '../support/http-get.ts'
import { runCommand, type CommandResult } from '../support/run-command.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { MAIN } from './pinyon.ts'

const DAY_MS = 86_400_000
const HEAD = '# Ask in #ci.\nlisten: 127.0.0.1:0\ndata_dir: ./data\nsync_interval: off\nmirrors:\n'

interface Farm {
  readonly server: StartedServer
  readonly upstream: Upstream
  readonly text: string
  readonly run: (...args: string[]) => Promise<CommandResult>
}

/** A running server with two mirrors, of one snapshot each. */
async function startFarm(t: TestContext): Promise<Farm> {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [{ name: 'p', version: '1' }] })
  const upstream = await startUpstream(t, root)
  const text = `${HEAD}  # old, but needed\n  el6:\n    baseurl: ${upstream.url}\n    # a note on el6\n\n  # new\n  el9: { baseurl: ${upstream.url} }\n`
  const server = await startServer(t, { text, synced: true })
  const run = async (...args: string[]) =>
    await runCommand(process.execPath, [MAIN, ...args, '--config', server.configFile], {
      env: { SUDO_USER: 'alice' },
    })
  return { server, upstream, text, run }
}

/** Notes uses of a mirror as the server does: clients that asked so many days ago, and views of the newest generation. */
function noteUse(
  dataDir: string,
  mirror: string,
  clients: number,
  daysAgo: number,
  views: readonly string[],
): void {
  const database = new Database(join(dataDir, 'pinyon.db'))
  try {
    const { id } = database.prepare('SELECT id FROM mirror WHERE name = ?').get(mirror) as { id: number }
    const seen = Date.now() - daysAgo * DAY_MS
    const addClient = database.prepare('INSERT INTO client_usage VALUES (?, ?, ?, 1, 1, ?, ?)')
    for (let client = 1; client <= clients; client += 1)
      addClient.run(id, `192.0.2.${client}`, 'dnf 4', seen - client, seen - client)
    const addView =
      database.prepare(`INSERT INTO view (name, generation, created_at, client, holder, ttl_ms, expires_at)
      SELECT ?, max(number), 0, '192.0.2.1', '192.0.2.1', 1000, 1000000000000000 FROM generation`)
    for (const view of views) addView.run(view)
  } finally {
    database.close()
  }
}

/** The name of a mirror's snapshot in `all_latest.json`: reading that is nobody's use. */
function currentOf(index: Buffer, mirror: string): string {
  const { latest_ci_repos: repos } = JSON.parse(index.toString()) as {
    latest_ci_repos: Record<string, string>
  }
  return repos[mirror]?.split('/').at(-1) ?? ''
}

describe('remove', () => {
  test('only tells, when asked to, whether a mirror can go', async (t) => {
    const { server, text, run } = await startFarm(t)
    const checked = await run('remove', 'el6', '--dry-run')
    assert.deepEqual([checked.code, checked.stderr], [0, ''])
    assert.match(
      checked.stdout,
      /^el6: can be removed; URLs of its snapshots are answered until \S+, then its data go\n$/,
    )
    noteUse(server.dataDir, 'el6', 1, 1, [])
    const refused = await run('remove', 'el6', '--dry-run')
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /^el6 is not removed .* used in the last 14 days by 192\.0\.2\.1 /)
    assert.equal((await run('remove', 'el6', '--dry-run', '--force')).code, 0)
    await server.kill()
    assert.equal((await run('remove', 'el6', '--dry-run')).code, 1)
    const { stdout } = await run('remove', 'el9', '--dry-run')
    assert.equal(stdout, 'el9: can be removed\n')
    assert.equal(readFileSync(server.configFile, 'utf8'), text)
  })

  test('takes a mirror out of file and index; URLs that jobs hold go on, and nothing else changes', async (t) => {
    const { server, text, run } = await startFarm(t)
    const snapshot = currentOf((await httpGet(`${server.url}/repos/yum/all_latest.json`)).body, 'el6')
    const removed = await run('remove', 'el6')
    assert.deepEqual([removed.code, removed.stderr], [0, ''])
    const until = /^el6: removed; URLs of its snapshots are answered until (\S+), then its data go\n$/.exec(
      removed.stdout,
    )?.[1]
    const graceMs = Date.parse(until ?? '') - Date.now()
    assert.ok(graceMs > 13.9 * DAY_MS && graceMs <= 14 * DAY_MS, removed.stdout)
    const left = `${HEAD}  # new\n${text.split('# new\n')[1]}`
    assert.equal(readFileSync(server.configFile, 'utf8').replace('\n\n', '\n'), left)
    assert.equal((await httpGet(`${server.url}/repos/yum/el6/latest.txt`)).status, 404)
    const index = (await httpGet(`${server.url}/repos/yum/all_latest.json`)).body.toString()
    assert.ok(!index.includes('el6') && index.includes('el9'))
    const base = `${server.url}/repos/yum/el6/${snapshot}`
    for (const path of ['repodata/repomd.xml', 'Packages/p/p-1-1.noarch.rpm'])
      assert.equal((await httpGet(`${base}/${path}`)).status, 200, 'a package that nobody fetched, too')
    const { body } = await httpGet(`${server.url}/api/v1/generations?limit=1`)
    const [generation] = (JSON.parse(body.toString()) as { generations: GenerationView[] }).generations
    assert.deepEqual([generation?.cause, generation?.by], ['remove', 'socket user alice'])
    assert.match((await run('status')).stdout, /^el6 +removed +1 /m)
    const again = await run('remove', 'el6')
    assert.equal(again.code, 1)
    assert.match(again.stderr, /no such mirror, .*: el6/)
  })

  test('is refused while clients use the mirror or views hold it, naming some of them, unless forced', async (t) => {
    const { server, text, run } = await startFarm(t)
    noteUse(server.dataDir, 'el6', 7, 13, ['job-1', 'job-2'])
    const refused = await run('remove', 'el6')
    assert.equal(refused.code, 1)
    const day = new Date(Date.now() - 13 * DAY_MS).toISOString().slice(0, 10)
    for (const part of [
      `el6 is not removed (--force removes it all the same), it is used in the last 14 days by 192.0.2.1 (dnf 4, ${day})`,
      '192.0.2.5',
      'and 2 more; held by the view job-1, job-2\n',
    ])
      assert.ok(refused.stderr.includes(part), refused.stderr)
    assert.ok(!refused.stderr.includes('192.0.2.6'))
    assert.equal(readFileSync(server.configFile, 'utf8'), text)
    assert.equal((await httpGet(`${server.url}/repos/yum/el6/latest.txt`)).status, 200)
    const other = await run('remove', 'el9')
    assert.match(other.stderr, /el9 is not removed .* it is held by the view job-1, job-2/)
    assert.equal((await run('remove', 'el6', '--force')).code, 0)
    assert.equal((await httpGet(`${server.url}/repos/yum/el6/latest.txt`)).status, 404)
  })

  test('minds no client that was last seen before', async (t) => {
    const { server, run } = await startFarm(t)
    noteUse(server.dataDir, 'el6', 2, 14.1, [])
    assert.equal((await run('remove', 'el6')).code, 0)
  })

  test('takes the last mirror, too, and a mirror may come back with what it had', async (t) => {
    const { server, text, run } = await startFarm(t)
    for (const mirror of ['el6', 'el9']) assert.equal((await run('remove', mirror)).code, 0)
    assert.equal(readFileSync(server.configFile, 'utf8').replace(/\n+$/, '\n'), HEAD)
    const index = await httpGet(`${server.url}/repos/yum/all_latest.json`)
    assert.deepEqual(JSON.parse(index.body.toString()), { latest_ci_repos: {} })
    writeFileSync(server.configFile, text)
    while ((await httpGet(`${server.url}/repos/yum/el6/latest.txt`)).status !== 200);
    const { body } = await httpGet(`${server.url}/api/v1/mirrors/el6`)
    assert.equal((JSON.parse(body.toString()) as { removed_at: unknown }).removed_at, null)
  })

  test('without a server asks the data directory, and counts from the next start', async (t) => {
    const { server, text, run } = await startFarm(t)
    noteUse(server.dataDir, 'el6', 1, 1, [])
    await server.kill()
    const refused = await run('remove', 'el6')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /el6 is not removed .* by 192\.0\.2\.1 \(dnf 4, /)
    assert.equal(readFileSync(server.configFile, 'utf8'), text)
    const forced = await run('remove', 'el6', '--force')
    assert.deepEqual([forced.code, forced.stdout], [0, "el6: removed, from the server's next start on\n"])
    assert.equal((await run('remove', 'nothing')).code, 1)
  })
})
