import assert from 'node:assert/strict'
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { listenOnAdminSocket } from '../../src/http/admin-socket.ts'
import { sendText } from '../../src/http/send-text.ts'
import { HttpServer } from '../../src/http/server.ts'
import { createTextReply } from '../../src/proxy/reply.ts'
import { httpGet } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { Connection } from './connection.ts'
import { LogRecorder } from './log-recorder.ts'
import { SNAPSHOT, startSite } from './site.ts'

function createHelloServer(): HttpServer {
  const hello = createTextReply('text/plain', 'hello\n')
  return new HttpServer(async (exchange) => sendText(exchange, hello), new LogRecorder().logger)
}

describe('the admin socket', () => {
  test('is for its owner alone, whatever the umask is, and gone at the end', async (t) => {
    const mask = process.umask(0)
    t.after(() => process.umask(mask))
    const site = await startSite(t)
    const path = join(site.dataDir, 'admin.sock')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(process.umask(), 0)
    await site.close()
    assert.equal(statSync(path, { throwIfNoEntry: false }), undefined)
  })

  test('answers what TCP answers', async (t) => {
    const site = await startSite(t)
    const connection = await Connection.open(join(site.dataDir, 'admin.sock'))
    t.after(() => connection.close())
    assert.equal((await connection.get('/healthz')).body.toString(), 'ok\n')
    assert.equal((await connection.get('/repos/yum/m/latest.txt')).body.toString(), `${SNAPSHOT}\n`)
    assert.equal((await connection.get('/healthz', { method: 'DELETE' })).status, 405)
  })

  test('replaces what a dead server left', async (t) => {
    const path = join(tempDir(t), 'admin.sock')
    // A listening socket whose process is gone: bound, and closed without being unlinked.
    const child = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    await runCommand(process.execPath, ['-e', child])
    assert.ok(statSync(path).isSocket())
    const server = createHelloServer()
    t.after(() => server.drain(0))
    assert.equal(await listenOnAdminSocket(server, path), true)
    const connection = await Connection.open(path)
    t.after(() => connection.close())
    assert.equal((await connection.get('/')).body.toString(), 'hello\n')
  })

  test('replaces a file that is no socket', async (t) => {
    const path = join(tempDir(t), 'admin.sock')
    writeFileSync(path, 'x')
    const server = createHelloServer()
    t.after(() => server.drain(0))
    assert.equal(await listenOnAdminSocket(server, path), true)
  })

  test('is left to a server that lives, even one that may not be asked', needs('root'), async (t) => {
    const path = join(tempDir(t), 'admin.sock')
    const other = createServer().listen(path)
    await once(other, 'listening')
    t.after(() => other.close())
    chmodSync(path, 0o600)
    assert.equal(await listenOnAdminSocket(createHelloServer(), path), false)
    const uid = process.geteuid?.() ?? 0
    process.seteuid?.(65_534)
    try {
      assert.equal(await listenOnAdminSocket(createHelloServer(), path), false)
    } finally {
      process.seteuid?.(uid)
    }
    assert.ok(statSync(path).isSocket())
  })

  test('is left to the first of two servers on one directory, and both serve', async (t) => {
    const first = await startSite(t)
    const second = await startSite(t, { dataDir: first.dataDir })
    assert.equal(second.log.of('another server has the admin socket').length, 1)
    for (const site of [first, second])
      assert.equal((await httpGet(`${site.url}/repos/yum/m/${SNAPSHOT}/repodata/repomd.xml`)).status, 200)
    await second.close()
    const connection = await Connection.open(join(first.dataDir, 'admin.sock'))
    assert.equal((await connection.get('/healthz')).status, 200)
    connection.close()
  })

  test('that cannot be made is named', async (t) => {
    const path = join(tempDir(t), 'missing', 'admin.sock')
    await assert.rejects(listenOnAdminSocket(createHelloServer(), path), {
      code: 'STORE_FAILED',
      message: new RegExp(`^cannot listen on the admin socket ${path}: `),
    })
  })

  test('has a path that fits, or says so', async (t) => {
    const path = join(tempDir(t), 'x'.repeat(107), 'admin.sock')
    await assert.rejects(listenOnAdminSocket(createHelloServer(), path), (error: Error) => {
      assert.match(error.message, /data_dir is too long, a socket's path has at most 107 bytes: /)
      return true
    })
  })
})

describe('POST …/sync', () => {
  test('streams progress and then one result', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'a' }] })
    writeSyntheticRepository(site.root, { packages: [{ name: 'a' }, { name: 'b' }], revision: 1_600_000_000 })
    const lines = await post(site.dataDir, 'm')
    const results = lines.filter((line) => 'result' in line)
    assert.equal(results.length, 1)
    assert.deepEqual(lines.at(-1), {
      result: {
        mirror: 'm',
        outcome: 'published',
        snapshot: results[0]?.['result']?.['snapshot'],
        packages: 2,
        added: 1,
        removed: 0,
        replaced: 0,
      },
    })
    const steps = lines.slice(0, -1).map((line) => line['progress'])
    assert.ok(steps.length > 0)
    for (const step of steps)
      assert.deepEqual(Object.keys(step ?? {}).toSorted(), [
        'bytes',
        'filesDone',
        'filesTotal',
        'packages',
        'step',
      ])
    const [again] = (await post(site.dataDir, 'm')).slice(-1)
    assert.equal(again?.['result']?.['outcome'], 'unchanged')
    await site.upstream.stop()
    const [failed] = (await post(site.dataDir, 'm')).slice(-1)
    assert.equal(failed?.['result']?.['outcome'], 'failed')
    assert.match(String(failed?.['result']?.['error']), /could not be reached/)
  })

  test('knows only mirrors, and only this', async (t) => {
    const site = await startSite(t)
    const connection = await Connection.open(join(site.dataDir, 'admin.sock'))
    t.after(() => connection.close())
    const paths = [
      ['/api/v1/mirrors/unknown/sync', 404, undefined],
      ['/api/v1/mirrors/m/sync/x', 405, 'GET, HEAD'],
      ['/api/v1/mirrors/m', 405, 'GET, HEAD, DELETE'],
      ['/healthz', 405, 'GET, HEAD'],
      ['/api/v1/mirrors/sync', 405, 'GET, HEAD, DELETE'],
      ['/api/v1/mirrors/m/pin', 405, 'GET, HEAD, PUT, DELETE'],
    ] as const
    for (const [path, status, allow] of paths) {
      const reply = await connection.get(path, { method: 'POST' })
      assert.deepEqual([reply.status, reply.header('allow')], [status, allow], path)
      if (!path.startsWith('/api/')) continue
      assert.equal(reply.header('content-type'), 'application/problem+json')
      assert.equal((JSON.parse(reply.body.toString()) as { status: number }).status, status)
    }
    const refused = await connection.get('/api/v1/mirrors/m%2f/sync', { method: 'POST' })
    assert.equal(refused.status, 400)
    assert.equal(site.upstream.count(), 0)
  })

  test('is refused over TCP where no tokens are configured, and told how they are', async (t) => {
    const site = await startSite(t)
    const { status, headers, body } = await httpGet(`${site.url}/api/v1/mirrors/m/sync`, { method: 'POST' })
    assert.deepEqual(
      [status, headers.allow, headers['content-type']],
      [403, undefined, 'application/problem+json'],
    )
    const problem = JSON.parse(body.toString()) as Record<string, unknown>
    assert.deepEqual(problem, {
      type: 'about:blank',
      title: 'FORBIDDEN',
      status: 403,
      request_id: headers['x-request-id'],
      detail:
        'nothing can be written over the network: the configuration has no tokens: { NAME: { file: PATH } }',
    })
    assert.equal(site.upstream.count(), 0)
  })
})

type Line = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** The lines of a sync's answer, which is delimited by the connection's end. */
async function post(dataDir: string, mirror: string): Promise<Line[]> {
  const connection = await Connection.open(join(dataDir, 'admin.sock'))
  connection.send(`POST /api/v1/mirrors/${mirror}/sync HTTP/1.0\r\n\r\n`)
  const { body, ...reply } = await connection.reply()
  assert.deepEqual([reply.status, reply.header('content-type')], [200, 'application/x-ndjson'])
  const lines = body.toString().split('\n')
  assert.equal(lines.pop(), '')
  return lines.map((line) => JSON.parse(line) as Line)
}
