import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { gate } from '../support/gate.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { mustRun } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const CONTENT = seededBytes('package', 3_000_000)
const READERS = 20

interface Farm {
  readonly upstream: Upstream
  readonly servers: readonly StartedServer[]
  /** Where the package is, from a server's origin on. */
  readonly path: string
}

/** Two servers on one data directory, and a package that neither has yet. */
async function startFarm(t: TestContext): Promise<Farm> {
  const root = tempDir(t)
  const repository = writeSyntheticRepository(root, { packages: [{ name: 'app', content: CONTENT }] })
  const upstream = await startUpstream(t, root)
  const options = { mirrors: { m: { baseurl: upstream.url, retries: 0 } }, dir: tempDir(t) }
  const first = await startServer(t, options)
  await mustRun(process.execPath, [MAIN, 'sync', '--config', first.configFile])
  const second = await startServer(t, options)
  const snapshot = (await httpGet(`${first.url}/repos/yum/m/latest.txt`)).body.toString().trim()
  return {
    upstream,
    servers: [first, second],
    path: `/repos/yum/m/${snapshot}/${repository.packages[0]?.href}`,
  }
}

function readAll(server: StartedServer, path: string): Promise<HttpReply>[] {
  return Array.from({ length: READERS }, () => httpGet(server.url + path))
}

function assertRight(replies: readonly HttpReply[]): void {
  for (const { status, complete, body } of replies)
    assert.deepEqual([status, complete, body.equals(CONTENT)], [200, true, true])
}

describe('two processes of one data directory', () => {
  test('make one request for what many ask both of them', async (t) => {
    const { upstream, servers, path } = await startFarm(t)
    const rest = gate()
    upstream.rules = [{ match: '.rpm', stall: { afterBytes: 1_000_000, until: rest } }]
    const readings = await Promise.all(servers.map((server) => startReading(server.url + path, 900_000)))
    const replies = servers.flatMap((server) => readAll(server, path))
    assert.equal(upstream.requests.find(({ path }) => path.endsWith('.rpm'))?.complete, false)
    rest.open()
    assertRight(await Promise.all(replies))
    for (const { whole } of readings) assert.ok((await whole).equals(CONTENT))
    assert.equal(upstream.count('.rpm'), 1)
  })

  test('finish what one of them was killed at', async (t) => {
    const { upstream, servers, path } = await startFarm(t)
    const [killed, heir] = servers
    assert.ok(killed && heir)
    const never = gate()
    upstream.rules = [{ match: '.rpm', times: 1, stall: { afterBytes: 1_000_000, until: never } }]
    const lost = readAll(killed, path).map((reply) => reply.catch(() => undefined))
    await upstream.waitFor('.rpm')
    const { received, whole } = await startReading(heir.url + path, 500_000)
    const replies = readAll(heir, path)
    assert.equal(upstream.count('.rpm'), 1)
    await killed.kill()
    assertRight(await Promise.all(replies))
    assert.ok(received >= 500_000)
    assert.ok((await whole).equals(CONTENT))
    assert.equal(upstream.count('.rpm'), 2)
    for (const reply of await Promise.all(lost)) assert.notEqual(reply?.complete, true)
    const blobs = join(heir.dataDir, 'blobs.v1')
    // Its clients have all of it before the heir has published it.
    while (readdirSync(join(blobs, 'temporary')).length > 1) await nextTurn()
    assert.equal(readdirSync(join(blobs, 'temporary')).length, 1)
    // What the dead one left is swept when the next process starts.
    await startServer(t, { mirrors: {}, dir: join(heir.dataDir, '..') })
    assert.deepEqual(readdirSync(join(blobs, 'temporary')), [])
    never.open()
  })
})

/** Begins to read a body; resolves once so many bytes have come. */
async function startReading(
  url: string,
  least: number,
): Promise<{ received: number; whole: Promise<Buffer> }> {
  const reply = await fetch(url)
  assert.ok(reply.body)
  const chunks: Uint8Array[] = []
  let received = 0
  const iterator = reply.body[Symbol.asyncIterator]()
  while (received < least) {
    const { value } = await iterator.next()
    assert.ok(value)
    chunks.push(value)
    received += value.length
  }
  const finish = async () => {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
      chunks.push(next.value)
    return Buffer.concat(chunks)
  }
  return { received, whole: finish() }
}
