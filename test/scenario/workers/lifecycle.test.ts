import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { Connection } from '../../http/connection.ts'
import { gate } from '../../support/gate.ts'
import { httpGet } from '../../support/http-get.ts'
import { isRunning } from '../../support/processes.ts'
import { startWorkerFarm, type WorkerFarm } from './worker-farm.ts'

const LARGE = 24 << 20
const CLIENTS = 200
const KILLS = 20

/** A request for something that a worker answers when it knows it. */
function requestFor(farm: WorkerFarm, at = 0): string {
  return `GET ${farm.base}/${farm.hrefs[at]} HTTP/1.1\r\nHost: a\r\n\r\n`
}

/** Asks for a package of 3,000 bytes and reads all of the answer. */
async function ask(socket: Socket, farm: WorkerFarm, at = 0): Promise<void> {
  socket.write(requestFor(farm, at))
  let length = 0
  let whole = Number.POSITIVE_INFINITY
  while (length < whole) {
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    if (length === 0) whole = bytes.indexOf('\r\n\r\n') + 4 + 3_000
    length += bytes.length
  }
}

async function metricsOf(farm: WorkerFarm, pid: number): Promise<ReadonlyMap<string, number>> {
  const socket = await farm.connectTo(pid)
  socket.end('GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  const text = (await buffer(socket)).toString()
  assert.match(text, /^HTTP\/1\.1 200 OK/)
  const lines = text.slice(text.indexOf('\r\n\r\n') + 4).split('\n')
  return new Map(
    lines
      .filter((line) => /^[a-z]/.test(line))
      .map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line))]),
  )
}

async function requestsOf(farm: WorkerFarm): Promise<number> {
  const reply = await httpGet(`${farm.server.url}/api/v1/usage`)
  const { mirrors } = JSON.parse(reply.body.toString()) as { mirrors: { requests: number }[] }
  return mirrors[0]?.requests ?? 0
}

test('three processes', async (t) => {
  const opened = gate()
  const packages = [
    { name: 'cold', content: 300_000 },
    { name: 'small', content: 3_000 },
    { name: 'large', content: LARGE },
  ]
  const farm = await startWorkerFarm(t, { workers: 3, packages, opened: opened.opened })
  const { main, server, base, hrefs } = farm
  const [one = 0, two = 0] = await farm.waitForWorkers(2)
  // The farm's own look at latest.txt.
  let asked = 1

  await t.test('fetch a cold package once, whoever is asked', async () => {
    const sockets: Socket[] = []
    for (const pid of [main, one, two]) sockets.push(...(await farm.connectAll(pid, CLIENTS / 4)))
    const bodies = sockets.map(async (socket) => {
      socket.end(requestFor(farm))
      return (await buffer(socket)).length
    })
    opened.open()
    for (const length of await Promise.all(bodies)) assert.ok(length > 300_000 && length < 301_000)
    assert.equal(farm.asked.get(`/${hrefs[0]}`), 1)
    asked += sockets.length
  })

  await t.test('count every request, and tell the same figures', async () => {
    await httpGet(`${server.url}${base}/${hrefs[1]}`)
    asked += 1
    for (const pid of [main, one, two]) {
      const socket = await farm.connectTo(pid)
      for (let times = 0; times < 200; times += 1) await ask(socket, farm, 1)
      socket.destroy()
      asked += 200
    }
    // Workers tell of them a tenth of a second later.
    while ((await requestsOf(farm)) < asked) await sleep(20)
    assert.equal(await requestsOf(farm), asked)
    const first = await metricsOf(farm, main)
    assert.equal(first.get('pinyon_workers'), 3)
    for (const pid of [one, two]) assert.deepEqual(steady(await metricsOf(farm, pid)), steady(first))
  })

  await t.test('forget what is retired before that is answered', async () => {
    const target = `/repos/yum/m/${base.slice(base.lastIndexOf('/') + 1)}/repodata/repomd.xml`
    const connection = await farm.connectTo(one)
    const statusOf = async () => {
      connection.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
      const [bytes] = (await once(connection, 'data')) as [Buffer]
      return bytes.toString().slice(9, 12)
    }
    assert.equal(await statusOf(), '200')
    assert.equal(await statusOf(), '200')
    await farm.publish()
    const name = base.slice(base.lastIndexOf('/') + 1)
    const admin = await Connection.open(`${server.dataDir}/admin.sock`)
    const { status } = await admin.get(`/api/v1/mirrors/m/snapshots/${name}`, { method: 'DELETE' })
    admin.socket.destroy()
    assert.equal(status, 200)
    assert.equal(await statusOf(), '404')
  })
})

test('workers that are killed', async (t) => {
  const packages = [{ name: 'small', content: 3_000 }]
  const farm = await startWorkerFarm(t, { workers: 3, packages })
  const { main, port, server, base, hrefs } = farm
  await httpGet(`${server.url}${base}/${hrefs[0]}`)
  let isOver = false
  let killedAt = Number.NEGATIVE_INFINITY
  let answered = 0
  // One connection after the other: those that were begun after a kill have nothing to do with who was killed.
  const come = async () => {
    while (!isOver) {
      const begunAt = performance.now()
      const socket = connect(port, '127.0.0.1')
      const reply = buffer(socket)
      socket.end(requestFor(farm))
      const bytes = await reply.catch((error: NodeJS.ErrnoException) => error)
      const wasHit = begunAt <= killedAt
      if (bytes instanceof Error) assert.ok(wasHit && bytes.code === 'ECONNRESET', bytes.message)
      else if (bytes.length < 3_000) assert.ok(wasHit, 'an answer broke off')
      else answered += 1
    }
  }
  const clients = Array.from({ length: 8 }, come)
  const before = await metricsOf(farm, main)
  for (let kills = 0; kills < KILLS; kills += 1) {
    const [victim = 0] = await farm.waitForWorkers(2)
    process.kill(victim, 'SIGKILL')
    killedAt = performance.now()
    while (isRunning(victim)) await sleep(1)
    const enough = answered + 20
    while (answered < enough) await sleep(1)
  }
  await farm.waitForWorkers(2)
  isOver = true
  await Promise.all(clients)
  const after = await metricsOf(farm, main)
  for (const [name, value] of before)
    if (/_total|_count|_sum|_bucket/.test(name)) assert.ok((after.get(name) ?? 0) >= value, name)
  assert.equal(after.get('pinyon_worker_restarts_total'), KILLS)
  // What they had answered until a moment before is counted.
  assert.ok((await requestsOf(farm)) >= answered / 2)
})

test('a server that ends', async (t) => {
  const packages = [{ name: 'large', content: LARGE }]
  const farm = await startWorkerFarm(t, { workers: 3, packages })
  const { server, base, hrefs, port } = farm
  await httpGet(`${server.url}${base}/${hrefs[0]}`)
  const pids = await farm.waitForWorkers(2)

  await t.test('finishes what its workers answer', async () => {
    const readers: Socket[] = []
    for (const pid of pids) {
      const socket = await farm.connectTo(pid)
      socket.write(requestFor(farm))
      await once(socket, 'readable')
      readers.push(socket)
    }
    server.process.kill('SIGTERM')
    // Nobody is accepted any more, though these clients have not read yet.
    for (;;) {
      const socket = connect(port, '127.0.0.1')
      const isRefused = await once(socket, 'connect').then(
        () => false,
        () => true,
      )
      socket.destroy()
      if (isRefused) break
    }
    for (const socket of readers) assert.ok((await buffer(socket)).length > LARGE)
    const [code] = (await once(server.process, 'exit')) as [number]
    assert.equal(code, 0)
    for (const pid of pids) assert.ok(!isRunning(pid))
  })

  await t.test('and one that is killed takes them along', async () => {
    const again = await startWorkerFarm(t, { workers: 3, packages: [] })
    const others = await again.waitForWorkers(2)
    await again.server.kill()
    while (others.some(isRunning)) await sleep(5)
  })
})

test('other numbers of workers are taken up', async (t) => {
  const packages = [{ name: 'small', content: 3_000 }]
  const farm = await startWorkerFarm(t, { workers: 1, packages })
  const { server, base, hrefs } = farm
  await httpGet(`${server.url}${base}/${hrefs[0]}`)
  assert.deepEqual(farm.workers(), [])
  writeFileSync(server.configFile, farm.configure(2))
  const [worker = 0] = await farm.waitForWorkers(1)
  const socket = await farm.connectTo(worker)
  await ask(socket, farm)
  await ask(socket, farm)
  writeFileSync(server.configFile, farm.configure(1))
  await farm.waitForWorkers(0)
  // Its connections have not noticed.
  await ask(socket, farm)
  await ask(socket, farm)
})

/** Figures that only requests change. */
function steady(figures: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(
    [...figures].filter(([name]) => !/process|lag|timestamp|db_|in_flight|api|memory/.test(name)),
  )
}
