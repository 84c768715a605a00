import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { rawRequest } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { inject } from './injecting.ts'
import { SNAPSHOT, startSite } from './site.ts'

const MAX_BYTES = 4_194_304
const HEAD = ['POST /repos/inject HTTP/1.1', 'Host: h']
const CONFIG = '[m]\nbaseurl=http://upstream/\n'

/** A configuration of so many bytes: of comments, which cost little. */
function ofSize(bytes: number): string {
  const line = `#${'-'.repeat(98)}\n`
  const filler = line.repeat(Math.floor((bytes - CONFIG.length) / line.length))
  return `${CONFIG}${filler}`.padEnd(bytes, '\n')
}

function request(lines: readonly string[], body: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from(`${[...HEAD, ...lines].join('\r\n')}\r\n\r\n`), Buffer.from(body)])
}

describe('the body of an injection', () => {
  test('has at most four megabytes, and who sends more gets to see that', async (t) => {
    const site = await startSite(t)
    const largest = ofSize(MAX_BYTES)
    const reply = await inject(site.url, largest)
    assert.deepEqual([reply.status, reply.counts], [200, ['1', '1', '0']])
    assert.equal(
      reply.text,
      largest.replace('http://upstream/', `${site.url}/repos/yum/m/${SNAPSHOT}\nproxy=None`),
    )
    for (const bytes of [MAX_BYTES + 1, 5_000_000]) {
      const refused = await inject(site.url, ofSize(bytes), { query: 'view=a' })
      assert.deepEqual([refused.status, refused.problem['title']], [413, 'BODY_TOO_LARGE'])
      assert.match(String(refused.problem['detail']), /at most 4194304 bytes/)
    }
    assert.equal(await site.app.store.views.count(), 0)
  })

  test('beyond all bounds is not read to its end', async (t) => {
    const site = await startSite(t)
    const announced = await site.connect()
    announced.send(request(['Content-Length: 16777217']))
    assert.equal((await announced.reply()).status, 413)
    const endless = await site.connect()
    endless.send(request(['Transfer-Encoding: chunked']))
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`)
    for (let sent = 0; sent <= 257; sent += 1) endless.send(chunk)
    const reply = await endless.reply()
    assert.deepEqual([reply.status, reply.header('connection')], [413, 'close'])
    await endless.ended()
  })

  test('may come in chunks, with trailers and byte by byte', async (t) => {
    const site = await startSite(t)
    const connection = await site.connect()
    const whole = await inject(site.url, CONFIG, { headers: { host: 'h' } })
    const chunks = CONFIG.replace(/[^]/g, '1;x=y\r\n$&\r\n')
    for (const byte of request(['Transfer-Encoding: chunked'], `${chunks}0\r\nX-Trailer: a\r\n\r\n`))
      connection.send(Buffer.from([byte]))
    assert.deepEqual((await connection.reply()).body, whole.body)
    // The connection goes on.
    connection.send(request([`Content-Length: ${CONFIG.length}`], CONFIG))
    assert.deepEqual((await connection.reply()).body, whole.body)
  })

  test('is sent by leave only where the client asks for that, and not when it is too large', async (t) => {
    const site = await startSite(t)
    const connection = await site.connect()
    connection.send(request(['Expect: 100-continue', `Content-Length: ${CONFIG.length}`]))
    await connection.received('HTTP/1.1 100 Continue\r\n\r\n'.length)
    connection.send(CONFIG)
    assert.equal((await connection.reply({ noBody: true })).statusLine, 'HTTP/1.1 100 Continue')
    assert.equal((await connection.reply()).status, 200)
    connection.send(request(['Expect: 100-continue', `Content-Length: ${MAX_BYTES + 1}`]))
    const refused = await connection.reply()
    assert.deepEqual([refused.status, refused.header('connection')], [413, 'close'])
    assert.deepEqual(await connection.ended(), Buffer.alloc(0))
    const other = await rawRequest(site.port, request(['Expect: a miracle', 'Connection: close'], ''))
    assert.match(other.toString(), /^HTTP\/1\.1 417 /)
  })

  test('that ends early is nobody’s, and freezes nothing', async (t) => {
    const site = await startSite(t)
    const connection = await site.connect()
    connection.send(request(['Content-Length: 1000'], CONFIG))
    connection.socket.end()
    const [line] = await site.log.waitFor('request')
    assert.equal(line?.['outcome'], 'aborted')
    assert.equal(await site.app.store.views.count(), 0)
    assert.equal((await inject(site.url, CONFIG)).status, 200)
  })

  test('is not read on a path that has none, and the connection goes on', async (t) => {
    const site = await startSite(t)
    const connection = await site.connect()
    const body = 'GET /healthz HTTP/1.1\r\n\r\n'
    for (const target of [
      '/repos/inject?colour=red',
      '/repos/inject?generation=7',
      '/repos/yum/m/latest.txt',
    ]) {
      connection.ask(target, { method: 'POST', headers: [`Content-Length: ${body.length}`] })
      connection.send(body)
      assert.ok([400, 404, 405].includes((await connection.reply()).status))
    }
    assert.equal((await connection.get('/healthz')).body.toString(), 'ok\n')
  })

  test('holds memory until what became of it is read', async (t) => {
    const site = await startSite(t)
    // Twice in a diff: more than sockets take of what nobody reads.
    const config = `[m]\n${' '.repeat(MAX_BYTES - 4)}`
    const unread = []
    for (let asked = 0; asked < 8; asked += 1) {
      const connection = await site.connect()
      connection.socket.once('data', () => connection.socket.pause())
      connection.ask('/repos/inject?output=diff&view=a', {
        method: 'POST',
        headers: [`Content-Length: ${config.length}`],
      })
      connection.send(config)
      unread.push({ connection, status: (await connection.reply({ noBody: true })).status })
    }
    assert.deepEqual(
      unread.map(({ status }) => status),
      [200, 200, 200, 200, 200, 200, 200, 503],
    )
    for (const { connection } of unread) connection.close()
    await site.log.waitFor('request', unread.length)
    assert.equal((await inject(site.url, config, { query: 'output=diff' })).status, 200)
  })

  test('comes from curl as people write it, small and large', needs('curl'), async (t) => {
    const site = await startSite(t)
    const dir = tempDir(t)
    const post = (bytes: number, ...args: readonly string[]) => {
      const file = join(dir, 'x.repo')
      writeFileSync(file, ofSize(bytes))
      return runCommand('curl', ['-fsS', ...args, '--data-binary', `@${file}`, `${site.url}/repos/inject`])
    }
    for (const args of [
      [],
      ['-H', 'Expect: 100-continue'],
      ['--http1.0'],
      ['-H', 'Transfer-Encoding: chunked'],
    ])
      for (const bytes of [100, 2_000, MAX_BYTES]) {
        const { code, stdout, stderr } = await post(bytes, ...args)
        assert.deepEqual([code, stderr], [0, ''], args.join(' '))
        assert.match(stdout, new RegExp(`^\\[m\\]\nbaseurl=${site.url}/repos/yum/m/${SNAPSHOT}\n`))
      }
    for (const args of [[], ['-H', 'Expect:']]) {
      const { code, stdout, stderr } = await post(MAX_BYTES + 1, ...args)
      assert.deepEqual([code, stdout], [22, ''])
      assert.match(stderr, /413/)
    }
  })
})
