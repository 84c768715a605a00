import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { gate } from '../support/gate.ts'
import { httpGet, parseRawReply, rawRequest } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startSite } from './site.ts'

const SMALL = seededBytes('small', 5_000)
const LARGE = seededBytes('large', 300_000)
const HUGE = seededBytes('huge', 16 << 20)
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const PACKAGES = [
  { name: 'small', href: 'Packages/small.rpm', content: SMALL },
  { name: 'large', href: 'Packages/large.rpm', content: LARGE },
]

describe('one connection', () => {
  test('is good for the next request after any answer', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const small = `${site.base}Packages/small.rpm`
    const check = async () => assert.deepEqual((await connection.get(small)).body, SMALL)
    const cases: readonly (readonly [
      status: number,
      target: string,
      method: string,
      headers: readonly string[],
    ])[] = [
      [404, `${site.base}nothing`, 'GET', []],
      [404, `${site.base}nothing`, 'HEAD', []],
      [400, `${site.base}..%2f`, 'GET', []],
      [400, small, 'GET', ['Host: another.example']],
      [400, small, 'DELETE', ['host: h']],
      [200, small, 'HEAD', []],
      [302, '/repos', 'GET', []],
      [304, small, 'GET', ['If-None-Match: *']],
      [412, small, 'GET', ['If-Match: "x"']],
      [416, small, 'GET', ['Range: bytes=9999-']],
      [206, small, 'GET', ['Range: bytes=0-0,2-2']],
      [405, small, 'DELETE', []],
      [405, small, 'TRACE', []],
      [405, '*', 'OPTIONS', []],
      [405, small, 'PROPFIND', []],
      [405, '/repos/yum/m/latest.txt', 'PUT', ['Content-Length: 0']],
    ]
    await check()
    for (const [status, target, method, headers] of cases) {
      const reply = await connection.get(target, { method, headers })
      assert.equal(reply.status, status, `${method} ${target}`)
      assert.equal(reply.header('allow'), status === 405 ? 'GET, HEAD' : undefined)
      await check()
    }
  })

  test('is good for the next request after a body that nobody asked for', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const body = Buffer.alloc(200_000, 'GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n')
    for (const method of ['POST', 'GET']) {
      connection.send(
        `${method} ${site.base}Packages/small.rpm HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`,
      )
      connection.send(body)
      const reply = await connection.reply()
      assert.equal(reply.status, method === 'POST' ? 405 : 200)
      if (method === 'POST') assert.equal(reply.header('allow'), 'GET, HEAD')
    }
    connection.send(
      'POST /api/v1/mirrors/m/sync HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    )
    assert.equal((await connection.reply()).status, 403)
    assert.deepEqual((await connection.get(`${site.base}Packages/small.rpm`)).body, SMALL)
    assert.equal(site.log.of('request').length, 4)
  })

  test('survives an upload that another one gives up', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const uploader = await site.connect()
    uploader.send(`POST ${site.base} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nsome of it`)
    assert.equal((await uploader.reply()).status, 405)
    uploader.close()
    assert.equal((await httpGet(`${site.url}${site.base}Packages/small.rpm`)).status, 200)
  })

  test('answers pipelined requests in order', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const targets = [
      'Packages/large.rpm',
      'nothing',
      'Packages/small.rpm',
      'repodata/repomd.xml',
      'Packages/large.rpm',
    ]
    connection.send(targets.map((target) => `GET ${site.base}${target} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''))
    const replies = []
    for (let index = 0; index < targets.length; index++) replies.push(await connection.reply())
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 404, 200, 200, 200],
    )
    assert.deepEqual([replies[0]?.body, replies[2]?.body, replies[4]?.body], [LARGE, SMALL, LARGE])
  })

  test('cannot hold more than so many requests at once', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const begin = gate()
    site.upstream.rules = [{ match: '.rpm', hold: begin }]
    const connection = await site.connect()
    const one = `GET ${site.base}Packages/small.rpm HTTP/1.1\r\nHost: h\r\n\r\n`
    connection.send(one.repeat(257))
    assert.equal((await connection.ended()).length, 0)
    begin.open()
    await site.log.waitFor('request', 257)
    // What they held is let go: the server stops at once.
    await site.close()
  })

  test('that is cut with requests waiting leaves nothing behind', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const begin = gate()
    site.upstream.rules = [{ match: 'small.rpm', hold: begin }]
    await httpGet(`${site.url}${site.base}Packages/large.rpm`)
    await site.filled()
    const connection = await site.connect()
    for (const name of ['small', 'large', 'large']) connection.ask(`${site.base}Packages/${name}.rpm`)
    await site.upstream.waitFor('small.rpm')
    connection.socket.resetAndDestroy()
    await site.log.waitFor('request', 4)
    begin.open()
    await site.filled(2)
    await site.close()
    assert.deepEqual(openFilesBelow(site.dataDir), [])
    assert.deepEqual(
      site.log.of('request').map(({ outcome }) => outcome),
      ['fill', 'aborted', 'aborted', 'aborted'],
    )
  })

  test('that its client half closes gives the answers that are owed, and has ended', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const begin = gate()
    site.upstream.rules = [{ match: '.rpm', hold: begin }]
    const connection = await site.connect()
    connection.ask(`${site.base}Packages/large.rpm`)
    await site.upstream.waitFor('.rpm')
    connection.socket.end()
    begin.open()
    const reply = await connection.reply()
    assert.deepEqual([reply.status, reply.body.equals(LARGE)], [200, true])
    assert.equal((await connection.ended()).length, 0)
    const [line] = await site.log.waitFor('request')
    assert.equal(line?.['outcome'], 'fill')
    await site.filled()
    await site.close()
  })

  test('may speak HTTP/1.0', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const ask = async (headers: string) =>
      await rawRequest(site.port, `GET ${site.base}Packages/small.rpm HTTP/1.0\r\n${headers}\r\n`)
    const raw = await ask('')
    assert.match(raw.toString('latin1', 0, 20), /^HTTP\/1\.1 200 OK\r\n/)
    const reply = parseRawReply(raw)
    const names = reply.rawHeaders.map(([name]) => name)
    assert.deepEqual([reply.complete, reply.body], [true, SMALL])
    assert.deepEqual([names.includes('Content-Length'), names.includes('Transfer-Encoding')], [true, false])
    const connection = await site.connect()
    connection.send(`GET ${site.base}Packages/small.rpm HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`.repeat(2))
    assert.deepEqual([(await connection.reply()).body, (await connection.reply()).body], [SMALL, SMALL])
  })

  test('ends after what is no HTTP, and after CONNECT', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const nonsense = [
      '\u0016\u0003\u0001',
      'FROBNICATE / HTTP/1.1\r\nHost: h\r\n\r\n',
      'GET /a\u0000b HTTP/1.1\r\nHost: h\r\n\r\n',
      'GET /a\u00c3\u00a9 HTTP/1.1\r\nHost: h\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ]
    for (const text of nonsense)
      assert.equal(parseRawReply(await rawRequest(site.port, Buffer.from(text, 'latin1'))).status, 400, text)
    const long = `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: h\r\n\r\n`
    assert.equal(parseRawReply(await rawRequest(site.port, long)).status, 431)
    const tunnel = parseRawReply(
      await rawRequest(site.port, 'CONNECT example.org:443 HTTP/1.1\r\nHost: h\r\n\r\n'),
    )
    assert.equal(tunnel.status, 405)
    assert.ok(tunnel.rawHeaders.some(([name, value]) => name === 'Allow' && value === 'GET, HEAD'))
    const upgrade = 'Connection: close, upgrade\r\nUpgrade: websocket\r\n'
    const reply = await rawRequest(site.port, `GET /healthz HTTP/1.1\r\nHost: h\r\n${upgrade}\r\n`)
    assert.equal(parseRawReply(reply).status, 200)
  })
})

describe('clients that read nothing', () => {
  test('cost little, and hold up nobody', async (t) => {
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: [{ name: 'huge', href: 'huge.rpm', content: HUGE }] })
    const server = await startServer(t, { mirrors: { m: { baseurl: `file://${root}/` } } })
    const { code } = await runCommand(process.execPath, [MAIN, 'sync', '--config', server.configFile])
    assert.equal(code, 0)
    const url = `${server.url}/repos/yum/m/latest/huge.rpm`
    // Until the blob is stored, requests join the fill.
    while ((await httpGet(url)).headers['x-cache'] !== 'hit');
    const before = server.memory().rss
    const slow = await Promise.all(Array.from({ length: 100 }, () => readNothing(t, url)))
    // When one that reads has got all of it, the others have got what the kernel takes for them.
    const { status, body } = await httpGet(url)
    assert.deepEqual([status, body.equals(HUGE)], [200, true])
    const grown = server.memory().rss - before
    // 64 KiB each, and what a connection costs; all that they asked for would be 1.6 GB.
    assert.ok(grown < 48 << 20, `${Math.round(grown / 2 ** 20)} MiB for 100 clients`)
    for (const socket of slow) socket.destroy()
    assert.equal((await httpGet(url)).status, 200)
  })
})

/** Files below a directory that this process has open; none where the system does not tell. */
function openFilesBelow(directory: string): string[] {
  if (!existsSync('/proc/self/fd')) return []
  return (
    readdirSync('/proc/self/fd')
      .map((descriptor) => `/proc/self/fd/${descriptor}`)
      // One of them was that of the directory just read.
      .filter((link) => lstatSync(link, { throwIfNoEntry: false }) !== undefined)
      .map((link) => readlinkSync(link, 'utf8'))
      .filter((path) => path.startsWith(`${directory}/`))
  )
}

/** Asks, and leaves the answer to the kernel. */
async function readNothing(t: TestContext, url: string): Promise<Socket> {
  const { port, pathname } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1' })
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  await once(socket, 'connect')
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: h\r\n\r\n`)
  return socket
}
