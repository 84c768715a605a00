import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { gate } from '../support/gate.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { createFarm, pinyon, type Farm } from './pinyon.ts'

const NAME = '\\d{4}(?:-\\d{2}){4}'

/** A farm of two mirrors that can be synced and one that cannot. */
function createMixedFarm(t: TestContext): Farm {
  const farm = createFarm(t, ['one', 'two', 'broken'])
  farm.publish('one', [{ name: 'a' }, { name: 'b' }])
  farm.publish('two', [{ name: 'c' }])
  return farm
}

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('without a running server', () => {
  test('sync publishes, tells what is new, and fails for what it could not tell', async (t) => {
    const farm = createMixedFarm(t)
    const first = await farm.run('sync', 'one', 'two')
    assert.deepEqual([first.code, first.stderr], [0, ''])
    assert.match(
      first.stdout,
      new RegExp(`^one: published ${NAME}, 2 packages \\(2 added, 0 removed\\)$`, 'm'),
    )
    assert.match(
      first.stdout,
      new RegExp(`^two: published ${NAME}, 1 package \\(1 added, 0 removed\\)$`, 'm'),
    )
    const again = await farm.run('sync', 'one')
    assert.deepEqual([again.code, again.stdout.replace(new RegExp(NAME), 'S')], [0, 'one: nothing new, S\n'])
    farm.publish('one', [{ name: 'b' }, { name: 'd' }], 1_600_000_000)
    const all = await farm.run('sync', '--json')
    assert.equal(all.code, 1)
    const byMirror = new Map(parseLines(all.stdout).map(({ mirror, ...rest }) => [mirror, rest]))
    assert.deepEqual(new Set(byMirror.keys()), new Set(['broken', 'one', 'two']))
    const { snapshot, ...one } = byMirror.get('one') ?? {}
    assert.match(String(snapshot), new RegExp(`^${NAME}$`))
    assert.deepEqual(one, { outcome: 'published', packages: 2, added: 1, removed: 1, replaced: 0 })
    assert.deepEqual(byMirror.get('two')?.['outcome'], 'unchanged')
    assert.deepEqual(Object.keys(byMirror.get('broken') ?? {}), ['outcome', 'error', 'advice'])
  })

  test('status tells what upstream lists and does not have', async (t) => {
    const farm = createFarm(t, ['one'])
    const root = join(farm.dir, 'upstream', 'one')
    writeSyntheticRepository(root, {
      packages: [{ name: 'a' }],
      records: [{ type: 'group', content: '<comps/>' }],
      simpleNames: true,
    })
    rmSync(join(root, 'repodata', 'group.xml.gz'))
    await farm.sync()
    const { stdout } = await farm.run('status')
    assert.match(
      stdout,
      new RegExp(
        `^one: repodata/group\\.xml\\.gz of ${NAME} is answered 404: repomd\\.xml names it, .*ENOENT$`,
        'm',
      ),
    )
    assert.match(
      stdout,
      /^ {2}one lists 1 file that upstream does not have right\. .* See pinyon sync one\.$/m,
    )
    const { mirrors } = JSON.parse((await farm.run('status', '--json')).stdout) as {
      mirrors: { defects: { count: number; missing: number } }[]
    }
    assert.deepEqual(
      mirrors.map(({ defects: { count, missing } }) => [count, missing]),
      [[1, 1]],
    )
  })

  test('status and snapshots read the data directory', async (t) => {
    const farm = createMixedFarm(t)
    const nothing = await farm.run('status')
    assert.equal(nothing.code, 0)
    assert.match(nothing.stdout, /^No server runs on this data directory\.\nNo mirrors yet/)
    assert.equal(existsSync(farm.dataDir), false)
    await farm.run('sync')
    const failed = await farm.run('status')
    assert.equal(failed.code, 1)
    assert.match(failed.stdout, /^MIRROR +CURRENT +SNAPSHOTS +CACHED +LAST SYNC +RESULT$/m)
    assert.match(failed.stdout, new RegExp(`^one +${NAME} +1 +0 of 2 +\\d+ s ago +ok$`, 'm'))
    assert.match(failed.stdout, /^broken +no snapshot yet +0 +\d+ s ago +failed: reading .*ENOENT$/m)
    const json = JSON.parse((await farm.run('status', '--json')).stdout) as {
      running: boolean
      mirrors: { name: string }[]
    }
    assert.deepEqual([json.running, json.mirrors.map(({ name }) => name)], [false, ['broken', 'one', 'two']])
    const snapshots = await farm.run('snapshots', 'one')
    assert.equal(snapshots.code, 0)
    assert.match(
      snapshots.stdout,
      new RegExp(`^SNAPSHOT +PACKAGES +SIZE\\n${NAME} +2 +2\\.0 KiB +current\\n$`),
    )
    const asJson = JSON.parse((await farm.run('snapshots', 'one', '--json')).stdout) as {
      snapshots: { current: boolean }[]
    }
    assert.deepEqual(
      asJson.snapshots.map(({ current }) => current),
      [true],
    )
    const none = await farm.run('snapshots', 'broken')
    assert.deepEqual([none.code, none.stdout], [3, 'No snapshot yet.\n'])
    const unknown = await farm.run('snapshots', 'x\u001b[31m')
    assert.deepEqual(
      [unknown.code, unknown.stdout, unknown.stderr],
      [3, '', 'no such mirror, there are broken, one, two: x?[31m\n'],
    )
  })

  test('sync knows only what is configured, and says when that is nothing', async (t) => {
    const farm = createFarm(t, ['one'])
    const unknown = await farm.run('sync', 'one', 'x\u001b]0;owned\u0007')
    assert.deepEqual([unknown.code, unknown.stdout], [1, ''])
    assert.match(unknown.stderr, /^no such mirror in .*: x\?\]0;owned\?\n$/)
    const empty = createFarm(t, ['one'], { mirrors: { one: { baseurl: 'file:x/', enabled: false } } })
    const nothing = await empty.run('sync')
    assert.deepEqual([nothing.code, nothing.stdout], [3, ''])
    assert.match(nothing.stderr, /^no mirror is enabled in /)
  })

  test('a directory that cannot be used is named, without a stack', async (t) => {
    const farm = createFarm(t, ['one'], { data_dir: '/dev/null/data' })
    farm.publish('one', [])
    const { code, stderr } = await farm.run('sync')
    assert.equal(code, 1)
    assert.match(stderr, /^data_dir cannot be used: \/dev\/null\/data: ENOTDIR.*\n$/)
    assert.equal((await farm.run('status')).code, 0)
  })

  test('a directory too deep for a socket is one where no server runs', async (t) => {
    const farm = createFarm(t, ['one'], { data_dir: `./${'x'.repeat(120)}` })
    farm.publish('one', [])
    assert.equal((await farm.run('sync')).code, 0)
    assert.match((await farm.run('status')).stdout, /^No server runs/)
    const served = await farm.run('serve')
    assert.equal(served.code, 1)
    assert.match(served.stderr, /^data_dir is too long, a socket's path has at most 107 bytes: .*\n$/)
  })
})

describe('with a running server', () => {
  test('all of it is asked there: side by side, with the same answers', async (t) => {
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: [{ name: 'a' }] })
    const upstream = await startUpstream(t, root)
    const begin = gate()
    // Both syncs have to be under way before either may go on.
    upstream.rules = [{ match: 'repomd.xml', times: 2, hold: begin }]
    const broken = { baseurl: `${upstream.url}none/`, retries: 0 }
    const server = await startServer(t, {
      mirrors: { one: { baseurl: upstream.url }, two: { baseurl: upstream.url }, broken },
    })
    const run = (...args: string[]) => pinyon([...args, '--config', server.configFile])
    const syncing = run('sync', 'one', 'two')
    await upstream.waitFor('repomd.xml', 2)
    begin.open()
    const synced = await syncing
    assert.deepEqual([synced.code, synced.stderr], [0, ''])
    assert.equal(synced.stdout.split('\n').filter((line) => line.includes(': published ')).length, 2)
    const all = parseLines((await run('sync', '--json')).stdout)
    assert.deepEqual(all.map(({ mirror, outcome }) => `${String(mirror)} ${String(outcome)}`).toSorted(), [
      'broken failed',
      'one unchanged',
      'two unchanged',
    ])
    const status = await run('status', '--json')
    assert.equal(status.code, 1)
    const { running, mirrors } = JSON.parse(status.stdout) as {
      running: boolean
      mirrors: { name: string; current: string }[]
    }
    assert.deepEqual([running, mirrors.length], [true, 3])
    assert.match(
      (await run('snapshots', 'one')).stdout,
      new RegExp(`\\n${mirrors[1]?.current} .* current\\n$`),
    )
    assert.equal((await run('snapshots', 'none')).code, 3)
  })

  test('a server that goes away in the middle is told of', async (t) => {
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: [] })
    const upstream = await startUpstream(t, root)
    const never = gate()
    upstream.rules = [{ match: 'primary.xml.gz', hold: never }]
    const server = await startServer(t, { mirrors: { one: { baseurl: upstream.url } } })
    const syncing = pinyon(['sync', '--config', server.configFile])
    await upstream.waitFor('primary.xml.gz')
    await server.kill()
    const { code, stdout, stderr } = await syncing
    never.open()
    assert.equal(code, 1)
    assert.match(stdout, /^one: failed: the server went away/)
    assert.doesNotMatch(stdout + stderr, /\n {4}at /)
  })

  test('what it says is harmless on a terminal', async (t) => {
    const farm = createFarm(t, ['one'])
    mkdirSync(farm.dataDir)
    const evil = '\u001b]0;owned\u0007\u009b2J\u202eevil\nsecond line'
    const impostor = createServer((request, response) => {
      if (request.url === '/healthz') return response.end('ok\n')
      if (request.method === 'POST')
        return response.end(
          `${JSON.stringify({ result: { mirror: 'one', outcome: 'failed', error: evil } })}\n`,
        )
      if (request.url === '/api/v1/mirrors') {
        const mirror = {
          name: 'one',
          enabled: true,
          pinned: false,
          current: null,
          snapshots: 0,
          last_sync: null,
          last_success: null,
          error: evil,
          sources: [{ baseurl: evil, state: evil, failures: 1, retry_in_ms: 0, error: evil, latency_ms: 1 }],
          list: { kind: evil, url: evil, fetched_at: null, checked_at: null, error: evil },
        }
        return response.end(JSON.stringify({ mirrors: [mirror] }))
      }
      return response.writeHead(500).end(JSON.stringify({ detail: evil }))
    })
    impostor.listen(join(farm.dataDir, 'admin.sock'))
    await once(impostor, 'listening')
    t.after(() => impostor.close())
    for (const args of [['sync'], ['status'], ['snapshots', 'one']]) {
      const { code, stdout, stderr } = await farm.run(...args)
      assert.equal(code, 1)
      assert.match(stdout + stderr, /owned/)
      // oxlint-disable-next-line no-control-regex -- what must not come through
      assert.doesNotMatch(stdout + stderr, /[\u001b\u0007\u0080-\u009f\u202e]/)
    }
  })
})
