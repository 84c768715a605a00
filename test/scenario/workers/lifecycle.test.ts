import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { Connection } from '../../http/connection.ts'
import { accepts } from '../../support/daemon.ts'
import { gate } from '../../support/gate.ts'
import { httpGet } from '../../support/http-get.ts'
import { isRunning } from '../../support/processes.ts'
import { startWorkerFarm, type WorkerFarm } from './worker-farm.ts'

const SMALL = 3_000
const LARGE = 24 << 20
const COLD = 300_000
const CLIENTS = 200
const KILLS = 20

/** A request for one of a farm's packages. */
function requestFor(farm: WorkerFarm, at = 0): string {
  return `GET ${farm.base}/${farm.hrefs[at]} HTTP/1.1\r\nHost: a\r\n\r\n`
}

/** Asks for the small package and reads all of the answer; gives its status. */
async function ask(socket: Socket, farm: WorkerFarm): Promise<string> {
  socket.write(requestFor(farm))
  let text = ''
  let length = Number.POSITIVE_INFINITY
  while (text.length < length) {
    text += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1')
    const head = text.indexOf('\r\n\r\n') + 4
    if (head > 3) length = head + Number(/^Content-Length: (\d+)/m.exec(text)?.[1])
  }
  return text.slice(9, 12)
}

async function metricsOf(farm: WorkerFarm, pid: number): Promise<ReadonlyMap<string, number>> {
  const socket = await farm.connectTo(pid)
  socket.end('GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  const text = (await buffer(socket)).toString()
  assert.match(text, /^HTTP\/1\.1 200 OK/)
  const lines = text.slice(text.indexOf('\r\n\r\n') + 4).split('\n')
  const samples = lines.filter((line) => /^[a-z]/.test(line))
  return new Map(samples.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line))]))
}

/** Figures that only requests for files change. */
function steady(figures: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(
    [...figures].filter(
      ([name]) =>
        !/process|cache_bytes|cache_protected|responses|lag|timestamp|db_|in_flight|api|ui|memory|disk_free|kind="other"/.test(
          name,
        ),
    ),
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
    { name: 'small', content: SMALL },
    { name: 'cold', content: COLD },
    { name: 'large', content: LARGE },
  ]
  const farm = await startWorkerFarm(t, { workers: 3, packages, opened: opened.opened })
  const { main, server, base, hrefs, port } = farm
  const [one = 0, two = 0] = await farm.waitForWorkers(2)
  // The farm's own look at latest.txt.
  let asked = 1

  await t.test('fetch a cold package once, whoever is asked', async () => {
    const sockets: Socket[] = []
    for (const pid of [main, one, two]) sockets.push(...(await farm.connectAll(pid, CLIENTS / 4)))
    const bodies = sockets.map(async (socket) => {
      socket.end(requestFor(farm, 1))
      return (await buffer(socket)).length
    })
    opened.open()
    for (const length of await Promise.all(bodies)) assert.ok(length > COLD && length < COLD + 1_000)
    assert.equal(farm.asked.get(`/${hrefs[1]}`), 1)
    asked += sockets.length
  })

  await t.test('count every request, and tell the same figures', async () => {
    await httpGet(`${server.url}${base}/${hrefs[0]}`)
    asked += 1
    for (const pid of [main, one, two]) {
      const socket = await farm.connectTo(pid)
      for (let times = 0; times < 200; times += 1) assert.equal(await ask(socket, farm), '200')
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

  await t.test('fail no new connection when workers are killed, and replace them', async () => {
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
        const mayBreak = begunAt <= killedAt
        if (bytes instanceof Error) assert.ok(mayBreak && bytes.code === 'ECONNRESET', bytes.message)
        else if (bytes.length < SMALL) assert.ok(mayBreak, 'an answer broke off')
        else answered += 1
      }
    }
    const before = await metricsOf(farm, main)
    // Whoever fails ends it for all.
    const coming = Promise.all(Array.from({ length: 8 }, come)).finally(() => (isOver = true))
    coming.catch(() => undefined)
    for (let kills = 0; kills < KILLS && !isOver; kills += 1) {
      const [victim = 0] = await farm.waitForWorkers(2)
      // On a busy machine it goes on for a while, and takes connections.
      killedAt = Number.POSITIVE_INFINITY
      process.kill(victim, 'SIGKILL')
      while (isRunning(victim)) await sleep(1)
      killedAt = performance.now()
      const enough = answered + 20
      while (answered < enough && !isOver) await sleep(1)
    }
    isOver = true
    await coming
    const after = await metricsOf(farm, main)
    for (const [name, value] of before)
      if (/_total|_count|_sum|_bucket/.test(name)) assert.ok((after.get(name) ?? 0) >= value, name)
    assert.equal(after.get('pinyon_worker_restarts_total'), KILLS)
    assert.match(
      await farm.run('status'),
      new RegExp(`^[23] of 3 processes serve; ${KILLS} have died and were replaced\\.$`, 'm'),
    )
    const { workers } = JSON.parse(await farm.run('status', '--json')) as {
      workers: { serving: number }
    }
    assert.deepEqual(workers, { serving: workers.serving, wanted: 3, restarts: KILLS })
    // But for a tenth of a second before each kill all is counted.
    assert.ok((await requestsOf(farm)) >= asked + answered / 2)
  })

  await t.test('finish what they answer when they are told to end', async () => {
    await httpGet(`${server.url}${base}/${hrefs[2]}`)
    const pids = await farm.waitForWorkers(2)
    const readers: Socket[] = []
    for (const pid of pids) {
      const socket = await farm.connectTo(pid)
      socket.write(requestFor(farm, 2))
      await once(socket, 'readable')
      readers.push(socket)
    }
    const ended = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    // Nobody is accepted any more, though these clients have hardly read yet.
    while (await accepts(port)) await sleep(1)
    for (const socket of readers) assert.ok((await buffer(socket)).length > LARGE)
    assert.deepEqual(await ended, [0, null])
    assert.deepEqual(pids.filter(isRunning), [])
  })
})

test('more workers and fewer', async (t) => {
  const farm = await startWorkerFarm(t, { workers: 1, packages: [{ name: 'small', content: SMALL }] })
  const { server, base, hrefs } = farm
  await httpGet(`${server.url}${base}/${hrefs[0]}`)
  const reconfigure = async (workers: number) => {
    writeFileSync(server.configFile, farm.configure(workers))
    return await farm.waitForWorkers(workers - 1)
  }

  await t.test('are taken up, and connections do not notice', async () => {
    assert.deepEqual(farm.workers(), [])
    const sockets = await farm.connectAll(farm.main, 8)
    const askAll = async () => {
      for (const socket of sockets) assert.equal(await ask(socket, farm), '200')
    }
    await askAll()
    const [worker = 0] = await reconfigure(2)
    // It gets some of those that wait.
    while (farm.ownersOf(sockets).filter((pid) => pid === worker).length !== sockets.length / 2)
      await sleep(5)
    for (let times = 0; times < 2; times += 1) await askAll()
    await reconfigure(1)
    for (let times = 0; times < 2; times += 1) await askAll()
    await reconfigure(2)
    await askAll()
  })

  await t.test('forget a snapshot before somebody is told that it is retired', async () => {
    const [worker = 0] = farm.workers()
    const socket = await farm.connectTo(worker)
    for (let times = 0; times < 2; times += 1) assert.equal(await ask(socket, farm), '200')
    await farm.publish()
    const admin = await Connection.open(`${server.dataDir}/admin.sock`)
    const path = `/api/v1/mirrors/m/snapshots/${base.slice(base.lastIndexOf('/') + 1)}`
    assert.equal((await admin.get(path, { method: 'DELETE' })).status, 200)
    admin.socket.destroy()
    assert.equal(await ask(socket, farm), '404')
  })

  await t.test('end with their server, whatever connections they have had of it', async () => {
    const pids = farm.workers()
    assert.equal(pids.length, 1)
    const ended = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
    assert.deepEqual(pids.filter(isRunning), [])
  })
})
