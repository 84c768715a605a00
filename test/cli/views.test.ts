import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { ViewList, ViewView } from '../../src/proxy/api-views.ts'
import { httpGet } from '../support/http-get.ts'
import type { CommandResult } from '../support/run-command.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { pinyon } from './pinyon.ts'

interface Farm {
  readonly server: StartedServer
  readonly run: (...args: readonly string[]) => Promise<CommandResult>
  readonly open: (name: string, query?: string) => Promise<void>
}

async function startFarm(t: TestContext): Promise<Farm> {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
  const mirror = { baseurl: `file://${dir}/`, retries: 0 }
  const server = await startServer(t, { mirrors: { m: mirror, n: mirror }, synced: true })
  const run = (...args: readonly string[]) => pinyon([...args, '--config', server.configFile])
  const open = async (name: string, query = '') => {
    const reply = await httpGet(`${server.url}/repos/views/${name}/all_latest.json${query}`)
    assert.equal(reply.status, 200)
  }
  return { server, run, open }
}

const readIndex = async ({ url }: StartedServer, path: string) => {
  const { body } = await httpGet(`${url}/repos/${path}/all_latest.json`, { headers: { Host: 'h' } })
  return body.toString()
}

const rowsOf = (text: string) => text.split('\n').map((line) => line.split(/ {2,}/))

test('views: who holds what until when, and an end to it', async (t) => {
  const { server, run, open } = await startFarm(t)
  const none = await run('views')
  assert.deepEqual([none.code, none.stdout], [3, 'No view: no job holds a state of the index.\n'])
  await open('job-2', '?ttl=90m')
  await open('job-1')
  const { code, stdout } = await run('views')
  assert.equal(code, 0)
  const [head, one, two, foot] = rowsOf(stdout)
  assert.deepEqual(head, ['VIEW', 'GENERATION', 'HELD BY', 'MADE', 'ENDS IN'])
  assert.deepEqual([one?.slice(0, 3), one?.[4]], [['job-1', '2', '127.0.0.1'], '23 h'])
  assert.deepEqual([two?.slice(0, 3), two?.[4]], [['job-2', '2', '127.0.0.1'], '89 min'])
  assert.deepEqual(foot, ['2 of at most 10000'])

  const ended = await run('views', '--end', 'job-1')
  assert.deepEqual([ended.code, ended.stdout], [0, 'job-1: ended\n'])
  const again = await run('views', '--end', 'job-1')
  assert.deepEqual([again.code, again.stdout, again.stderr], [3, '', 'there is no view: job-1\n'])
  assert.equal((await run('views', '--end', '../x')).code, 3)
  await server.kill('SIGTERM')

  const { views, count, max } = JSON.parse((await run('views', '--json')).stdout) as ViewList
  assert.deepEqual(
    [views.map(({ name }) => name), count, max],
    [['job-2'], 1, 10_000],
    'without a server too',
  )
  const json = await run('views', '--end', 'job-2', '--json')
  assert.deepEqual([json.code, json.stdout], [0, '{"view":"job-2","ended":true}\n'])
  assert.equal((await run('views', '--end', 'job-2')).code, 3)
})

test('all views of a client are ended at once, with a server and without one', async (t) => {
  const { server, run, open } = await startFarm(t)
  for (const name of ['a', 'b', 'c']) await open(name)
  assert.equal((await run('views', '--end-all')).code, 2)
  assert.equal((await run('views', '--client', '127.0.0.1')).code, 2)
  const none = await run('views', '--end-all', '--client', '192.0.2.1')
  assert.deepEqual([none.code, none.stdout], [3, '192.0.2.1: 0 views ended\n'])
  const ended = await run('views', '--end-all', '--client', '127.0.0.1')
  assert.deepEqual([ended.code, ended.stdout], [0, '127.0.0.1: 3 views ended\n'])
  await open('d')
  await server.kill('SIGTERM')
  const json = await run('views', '--end-all', '--client', '127.0.0.1', '--json')
  assert.deepEqual([json.code, json.stdout], [0, '{"client":"127.0.0.1","ended":1}\n'])
})

test('the API tells of views in pages, and the network only networks', async (t) => {
  const { server, run, open } = await startFarm(t)
  const names = Array.from({ length: 150 }, (_, index) => `job-${String(index).padStart(3, '0')}`)
  await Promise.all(names.map((name) => open(name)))
  const get = async (path: string) => {
    const reply = await httpGet(`${server.url}/api/v1/views${path}`)
    return [reply.status, JSON.parse(reply.body.toString()) as unknown] as const
  }
  const [, first] = (await get('')) as [number, ViewList]
  assert.deepEqual([first.views.length, first.count, first.max, first.next], [100, 150, 10_000, 'job-099'])
  const [, rest] = (await get(`?after=${first.next}&limit=100000`)) as [number, ViewList]
  assert.deepEqual([rest.views.length, rest.next], [50, null])
  assert.deepEqual(
    [...first.views, ...rest.views].map(({ name }) => name),
    names,
  )
  const [, few] = (await get('?limit=0')) as [number, ViewList]
  assert.deepEqual([few.views.length, few.next], [1, 'job-000'])
  assert.equal((await get('?limit=x'))[0], 400)
  assert.equal((await get('?after=%00%ff'))[0], 200)

  const [status, view] = (await get('/job-007')) as [number, ViewView]
  const { created_at: createdAt, expires_at: expiresAt, expires_in_ms: expiresInMs, ...shown } = view
  assert.deepEqual(
    [status, shown],
    [
      200,
      {
        name: 'job-007',
        generation: 2,
        ttl: '1d',
        ttl_ms: 86_400_000,
        client: '127.0.0.0/24',
        snapshots: 2,
        only_held_bytes: 0,
      },
    ],
  )
  assert.ok(expiresInMs > 86_000_000 && expiresInMs <= 86_400_000, `${expiresInMs}`)
  const lifeMs = Date.parse(expiresAt) - Date.parse(createdAt)
  assert.ok(Math.abs(lifeMs - 86_400_000) < 60_000, `${createdAt} ${expiresAt}`)
  assert.equal((await get('/none'))[0], 404)
  assert.equal((await get('/job-007/x'))[0], 404)

  const all = JSON.parse((await run('views', '--json')).stdout) as ViewList
  assert.equal(all.views.length, 150, 'the command reads all pages')
  assert.deepEqual(new Set(all.views.map(({ client }) => client)), new Set(['127.0.0.1']))
})

test('what a job was told survives SIGKILL at once', async (t) => {
  const { server, run, open } = await startFarm(t)
  await open('early')
  const told = await readIndex(server, 'views/job')
  await server.kill()
  const dir = dirname(server.configFile)
  const again = await startServer(t, { dir, mirrors: { m: { baseurl: 'http://127.0.0.1:9/' } } })
  assert.deepEqual([await readIndex(again, 'views/job'), await readIndex(again, 'views/early')], [told, told])
  assert.notEqual(await readIndex(again, 'yum'), told, 'a mirror has gone since')
  assert.match((await run('views')).stdout, /^job +2 /m)
})
