import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { Dispatcher } from 'undici'

import { readBody as readHttpBody } from '../../src/upstream/http-body.ts'
import { Network, type HostSettings } from '../../src/upstream/network.ts'
import { Slots } from '../../src/upstream/slots.ts'
import { gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { knownBy, openUpstream, readBody } from './open-upstream.ts'
import { formatReply, startRawServer } from './raw-server.ts'
import { writeSettledFile } from './settled-file.ts'

const CONTENT = seededBytes('bounded', 300_000)

async function startSource(t: TestContext): Promise<Upstream> {
  const root = tempDir(t)
  for (const name of ['file', 'other']) writeSettledFile(root, name, CONTENT)
  return startUpstream(t, root)
}

/** What is set for a source's host, in a network with a clock that only sleeping moves. */
function createNetwork(
  source: Upstream,
  settings: HostSettings,
): { network: Network; clock: { ms: number } } {
  const clock = { ms: 0 }
  const network = new Network({
    hosts: () => new Map([[`127.0.0.1:${source.port}`, settings]]),
    clock: { now: () => clock.ms, sleep: async (ms) => void (clock.ms += ms) },
  })
  return { network, clock }
}

/** Lets a request that nothing holds back reach a server on this machine: one that comes now would have been sent. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => void setImmediate(resolve))
}

describe('max_parallel_downloads', () => {
  test('of a host holds for all mirrors together, and for connections as for requests', async (t) => {
    const held = gate()
    const three = Promise.withResolvers<void>()
    let [running, most] = [0, 0]
    const server = await startRawServer(t, (socket) => {
      running += 1
      most = Math.max(most, running)
      if (running === 3) three.resolve()
      void held.opened.then(() => {
        running -= 1
        socket.write(formatReply(200, [], 'content'))
      })
    })
    const hosts = new Map([[new URL(server.url).host, { maxParallelDownloads: 3 }]])
    const network = new Network({ hosts: () => hosts })
    const mirrors = Array.from({ length: 4 }, () => openUpstream(t, [server.url], { network }))
    const asked = mirrors.flatMap(({ upstream }) =>
      Array.from({ length: 5 }, () => upstream.get('file').then(readBody)),
    )
    await three.promise
    held.open()
    for (const body of await Promise.all(asked)) assert.equal(body.toString(), 'content')
    assert.equal(server.requests.length, 20)
    assert.deepEqual([most, server.mostConnections()], [3, 3])
  })

  test('of a host holds for mirrors that share no connection', async (t) => {
    const source = await startSource(t)
    const { network } = createNetwork(source, { maxParallelDownloads: 1 })
    const held = gate()
    source.rules = [{ match: 'file', hold: held }]
    const mirrors = [true, false].map(
      (sslverify) => openUpstream(t, [source.url], { network, ...knownBy({ sslverify }) }).upstream,
    )
    const asked = mirrors.map((upstream) => upstream.get('file').then(readBody))
    await source.waitFor('file')
    await settle()
    assert.equal(source.count('file'), 1)
    held.open()
    for (const body of await Promise.all(asked)) assert.equal(body.length, CONTENT.length)
    assert.equal(source.count('file'), 2)
  })

  test('of a mirror holds beside that, and places are given back however a transfer ends', async (t) => {
    const source = await startSource(t)
    const { upstream } = openUpstream(t, [source.url], { pace: { maxParallelDownloads: 2 } })
    const held = gate()
    source.rules = [{ match: 'file', hold: held }]
    const first = [upstream.get('file'), upstream.get('file')]
    const third = upstream.get('other')
    await source.waitFor('file', 2)
    assert.equal(source.count('other'), 0)
    held.open()
    const [read, dropped] = await Promise.all(first)
    assert.ok(read && dropped)
    await readBody(read)
    await readBody(await third)
    for await (const chunk of dropped.body) {
      assert.ok(chunk.length > 0)
      break
    }
    await assert.rejects(upstream.get('absent'), { code: 'UPSTREAM_GONE' })
    const stop = new AbortController()
    source.rules = [{ match: 'other', hold: gate() }]
    const aborted = upstream.get('other', { signal: stop.signal })
    await source.waitFor('other', 2)
    stop.abort(new Error('enough'))
    await assert.rejects(aborted, /enough/)
    for (let count = 0; count < 5; count += 1) await readBody(await upstream.get('file'))
  })

  test('that is used up for too long is told as what it is, and is no fault of the source', async (t) => {
    const source = await startSource(t)
    const { upstream } = openUpstream(t, [source.url], {
      pace: { maxParallelDownloads: 1 },
      timeoutMs: 1_000,
    })
    const running = await upstream.get('file')
    await assert.rejects(upstream.get('other'), {
      code: 'UPSTREAM_TIMEOUT',
      message: /had max_parallel_downloads/,
    })
    assert.deepEqual([upstream.health[0]?.state, upstream.health[0]?.failures], ['ok', 0])
    await readBody(running)
  })
})

test('places are given in turn, to no more than there may be, and who does not wait any more has none', async () => {
  let limit = 2
  const slots = new Slots(() => limit)
  const signal = new AbortController().signal
  const order: number[] = []
  const enter = async (number: number) => {
    const leave = await slots.enter(signal)
    order.push(number)
    return leave
  }
  const [first, second] = [await enter(1), await enter(2)]
  const third = enter(3)
  const gone = new AbortController()
  const fourth = slots.enter(gone.signal)
  const fifth = enter(5)
  gone.abort(new Error('gone'))
  await assert.rejects(fourth, /gone/)
  assert.deepEqual(order, [1, 2])
  first()
  first()
  const leaveThird = await third
  assert.deepEqual(order, [1, 2, 3])
  limit = 3
  second()
  const leaveFifth = await fifth
  assert.deepEqual(order, [1, 2, 3, 5])
  leaveThird()
  leaveFifth()
  assert.equal(slots.isIdle, true)
})

describe('a throttle', () => {
  test('of a host holds for all mirrors together', async (t) => {
    const source = await startSource(t)
    const { network, clock } = createNetwork(source, { throttle: 50_000 })
    const mirrors = Array.from({ length: 3 }, () => openUpstream(t, [source.url], { network }))
    for (const { upstream } of mirrors) await readBody(await upstream.get('file'))
    // 900,000 bytes at 50,000 a second, but for the burst of a quarter of a second; as a sum over pieces, which are rounded.
    assert.ok(clock.ms >= 17_750 && clock.ms < 18_001, String(clock.ms))
  })

  test('of a mirror holds beside that of the host, and lets nobody think that the source is slow', async (t) => {
    const source = await startSource(t)
    const { network, clock } = createNetwork(source, { throttle: 1_000_000 })
    const { upstream } = openUpstream(t, [source.url], {
      network,
      pace: { throttle: 2_000, minrate: 10_000 },
      now: () => clock.ms,
    })
    assert.equal((await readBody(await upstream.get('file'))).length, CONTENT.length)
    assert.ok(clock.ms >= 149_750 && clock.ms <= 150_400, String(clock.ms))
    assert.equal(source.count(), 1)
    assert.equal(upstream.health[0]?.failures, 0)
  })
})

/** Reads a body that brings so many bytes each second for a minute; whoever reads takes so long for each piece. */
async function read(bytesPerSecond: number, minrate: number, readerMs = 0): Promise<string> {
  let ms = 0
  async function* bring(): AsyncIterable<Uint8Array> {
    for (let second = 0; second < 60; second += 1) {
      ms += 1_000
      yield Buffer.alloc(bytesPerSecond)
    }
  }
  const reply = { headers: {}, body: bring() } as unknown as Dispatcher.ResponseData
  const options = { url: 'http://h/', timeoutMs: 30_000, minrate, signal: undefined, now: () => ms }
  try {
    for await (const chunk of readHttpBody(reply, options)) if (chunk.length > 0) ms += readerMs
    return 'whole'
  } catch (error) {
    return (error as Error).message
  }
}

describe('minrate', () => {
  test('is what a source has to bring on average; 0 is anything', async () => {
    assert.equal(await read(950, 1_000), 'http://h/ sends too slowly: 950 bytes/s')
    assert.equal(await read(1_000, 1_000), 'whole')
    assert.equal(await read(950, 900), 'whole')
    assert.equal(await read(1, 0), 'whole')
  })

  test('is not missed by who reads slowly', async () =>
    assert.equal(await read(1_500, 1_000, 5_000), 'whole'))
})

test('a host has its own timeout and retries, in place of the mirrors', async (t) => {
  const source = await startSource(t)
  const { network } = createNetwork(source, { timeoutMs: 500, retries: 2 })
  const { upstream } = openUpstream(t, [source.url], { network, retries: 7 })
  source.rules = [{ match: 'file', hold: gate() }]
  await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_TIMEOUT' })
  assert.equal(source.count(), 3)
  await source.stop()
})
