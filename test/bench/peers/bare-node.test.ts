import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { Agent, createServer as createHttpServer, type RequestListener } from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import Database from 'better-sqlite3'

import { httpGet, mustGet } from '../../../bench/measure/http-get.ts'
import {
  startBarePassingPeer,
  startBarePromisingPeer,
  startBareStoringPeer,
} from '../../../bench/peers/bare-node.ts'
import type { Peer, PeerOptions } from '../../../bench/peers/peer.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { tempDir } from '../../support/temp-dir.ts'

const HELD_BYTES = 16 << 10
const BODIES = new Map(
  [0, 1, HELD_BYTES - 1, HELD_BYTES, HELD_BYTES + 1, 1 << 20].map((bytes) => [
    `/${bytes}`,
    seededBytes(`bare-${bytes}`, bytes),
  ]),
)
const BODY = seededBytes('bare', 300_000)
const HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n`

const WAYS = [
  ['passing on', startBarePassingPeer],
  ['storing', startBareStoringPeer],
  ['promising', startBarePromisingPeer],
] as const

for (const [way, start] of WAYS)
  for (const keepsAlive of [true, false])
    test(`${way}, connections ${keepsAlive ? 'kept' : 'closed'}: every client gets the right bytes`, async (t) => {
      const connections = new Set<Socket>()
      const upstream = await listen(t, createHttpServer(answerBodies(keepsAlive, connections)))
      const peer = await startPeer(t, start, upstream)
      const agents = Array.from({ length: 3 }, () => new Agent({ keepAlive: keepsAlive, maxSockets: 1 }))
      for (let round = 0; round < 3; round += 1)
        await Promise.all(agents.map((agent) => getAll(peer.url, agent)))
      for (const agent of agents) agent.destroy()
      const asked = 3 * agents.length * BODIES.size
      // As many as there are clients at once, or one for each answer.
      if (keepsAlive) assert.ok(connections.size <= agents.length, String(connections.size))
      else assert.equal(connections.size, asked)
    })

for (const [way, start] of WAYS)
  test(`${way}: what upstream cannot give ends, and what comes after it is right`, async (t) => {
    const upstream = await listen(t, createHttpServer(answerBodies(true, new Set())))
    const peer = await startPeer(t, start, upstream)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    // Its body says no length.
    assert.equal((await httpGet(`${peer.url}/missing`, { agent })).status, 502)
    await assert.rejects(httpGet(`${peer.url}/broken`, { agent }), /aborted/)
    await getAll(peer.url, agent)
    agent.destroy()
  })

test('a connection that upstream has closed is not used again', async (t) => {
  let closed = Promise.withResolvers<void>()
  const upstream = await listen(
    t,
    createServer((socket) => {
      socket.once('data', () => socket.end(HEAD + BODY.toString('latin1'), 'latin1'))
      socket.once('close', () => closed.resolve())
    }),
  )
  const peer = await startPeer(t, startBarePassingPeer, upstream)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let round = 0; round < 3; round += 1) {
    await mustGet(`${peer.url}/a`, { status: 200, sha256: sha256(BODY) }, { agent })
    await closed.promise
    closed = Promise.withResolvers()
  }
  agent.destroy()
})

for (const [way, start] of WAYS.slice(1))
  test(`${way}: each body is in a file under its digest`, async (t) => {
    const upstream = await listen(t, createHttpServer(answerBodies(true, new Set())))
    const dir = tempDir(t)
    const peer = await startPeer(t, start, upstream, dir)
    await getAll(peer.url, new Agent())
    const digests = [...BODIES.values()].map(sha256).toSorted()
    await until(dir, () => storedIn(dir).every((name) => !name.startsWith('part-')))
    assert.deepEqual(storedIn(dir).toSorted(), digests)
    for (const digest of digests) assert.equal(sha256(readFileSync(join(dir, digest))), digest)
  })

test('promising: what is not listed is not asked for, and what is fetched is claimed until it is there', async (t) => {
  const asked: string[] = []
  const hold = Promise.withResolvers<void>()
  const upstream = await listen(
    t,
    createHttpServer((request, response) => {
      asked.push(request.url ?? '')
      void hold.promise.then(() => response.writeHead(200, { 'Content-Length': BODY.length }).end(BODY))
    }),
  )
  const dir = tempDir(t)
  const peer = await startPeer(t, startBarePromisingPeer, upstream, dir)
  assert.equal((await httpGet(`${peer.url}/unlisted`)).status, 404)
  const claims = new Database(join(dir, 'claims.db'), { readonly: true })
  const count = claims.prepare('SELECT count(*) FROM claim').pluck()
  const getting = mustGet(`${peer.url}/1`, { status: 200, sha256: sha256(BODY) })
  await until(dir, () => storedIn(dir).length > 0)
  assert.equal(count.get(), 1)
  hold.resolve()
  await getting
  // In the turn after the one that has sent the last of it; the next answer comes later than that.
  assert.equal((await httpGet(`${peer.url}/unlisted`)).status, 404)
  assert.equal(count.get(), 0)
  claims.close()
  assert.deepEqual(asked, ['/1'])
})

for (const [way, start, missing] of [
  ['passing on: all that came is sent', startBarePassingPeer, 1],
  ['storing: the end is held back until all has come', startBareStoringPeer, HELD_BYTES],
  ['promising: the end is held back until all has come', startBarePromisingPeer, HELD_BYTES],
] as const)
  test(way, async (t) => {
    const upstream = await listen(
      t,
      createServer((socket) => {
        socket.on('error', () => undefined)
        socket.once('data', () => {
          socket.write(HEAD)
          // Broken off before the last byte.
          socket.end(BODY.subarray(0, -1))
        })
      }),
    )
    const dir = tempDir(t)
    const peer = await startPeer(t, start, upstream, dir)
    const client = connect(Number(new URL(peer.url).port), '127.0.0.1')
    client.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
    const answer = Buffer.concat(await client.toArray())
    assert.equal(answer.length, HEAD.length + BODY.length - missing)
    assert.ok(answer.equals(Buffer.concat([Buffer.from(HEAD), BODY.subarray(0, -missing)])))
    await until(dir, () => storedIn(dir).length === 0)
  })

/** Answers with the bodies above, and with what is none. */
function answerBodies(keepsAlive: boolean, connections: Set<Socket>): RequestListener {
  return (request, response) => {
    connections.add(request.socket)
    response.shouldKeepAlive = keepsAlive
    const body = BODIES.get(request.url ?? '')
    if (body !== undefined) response.writeHead(200, { 'Content-Length': body.length }).end(body)
    else if (request.url === '/broken')
      response
        .writeHead(200, { 'Content-Length': BODY.length })
        .write(BODY.subarray(1), () => response.destroy())
    else response.writeHead(404).end()
  }
}

async function getAll(url: string, agent: Agent): Promise<void> {
  for (const [path, body] of BODIES)
    await mustGet(url + path, { status: 200, sha256: sha256(body) }, { agent })
}

async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function startPeer(
  t: TestContext,
  start: (options: PeerOptions) => Promise<Peer>,
  upstream: string,
  dir = tempDir(t),
): Promise<Peer> {
  const peer = await start({ dir, upstream, root: listedIn(tempDir(t)), core: undefined })
  t.after(() => peer.stop())
  return peer
}

/** Has all that is asked for there, as far as its names go. */
function listedIn(root: string): string {
  for (const path of [...BODIES.keys(), '/missing', '/broken', '/a']) writeFileSync(root + path, '')
  return root
}

/** Bodies, whole or not. */
function storedIn(dir: string): string[] {
  return readdirSync(dir).filter((name) => !name.includes('.db'))
}

/** Waits for a directory to become what it is to be, which the test's deadline limits. */
async function until(dir: string, isSo: () => boolean): Promise<void> {
  const watcher = watch(dir)
  try {
    while (!isSo()) await once(watcher, 'change')
  } finally {
    watcher.close()
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
