import assert from 'node:assert/strict'
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import type { WorkerTask } from '../../../src/app/workers/messages.ts'
import { accepts } from '../../support/daemon.ts'
import { httpGet } from '../../support/http-get.ts'
import { runCommand } from '../../support/run-command.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { startWorkerFarm } from './worker-farm.ts'

const WORKER = new URL('../../../src/app/workers/worker-process.ts', import.meta.url)
const PACKAGES = Array.from({ length: 12 }, (_, at) => ({ name: `p${at}`, content: 2_000 + at * 7_000 }))
/** Some are ended before they serve, some in the middle of it. */
const COUNTS = [3, 1, 3, 2, 1, 2]
const CHANGES = 24
const CHANGE_MS = 150
const CLIENTS = 16

test('workers that come and go faster than they begin break no connection, and not the server', async (t) => {
  const farm = await startWorkerFarm(t, { workers: 2, packages: PACKAGES })
  const { server, base, hrefs, port } = farm
  const [first = ''] = hrefs
  await httpGet(`${server.url}${base}/${first}`)
  const targets = [...hrefs.map((href) => `${base}/${href}`), '/repos/yum/all_latest.json', `${base}/none`]
  let isOver = false
  let answered = 0
  const come = async (client: number) => {
    for (let round = client; !isOver; round += 1) {
      const socket = connect(port, '127.0.0.1')
      // Warm, cold and none of a worker's, one after the other on one connection.
      const asked = [first, ...[0, 1].map((more) => targets[(round * 5 + more) % targets.length])]
      const requests = asked.map((target, at) => {
        const path = at === 0 ? `${base}/${target}` : `${target}?${round % 40}`
        return `GET ${path} HTTP/1.1\r\nHost: a\r\n${at === 2 ? 'Connection: close\r\n' : ''}\r\n`
      })
      const reply = buffer(socket)
      for (const request of requests) {
        socket.write(request)
        await Promise.race([once(socket, 'readable'), sleep(20)])
      }
      const text = (await reply).toString('latin1')
      const answers = [...text.matchAll(/HTTP\/1\.1 (?:200 OK|404 Not Found)\r\n/g)].length
      assert.equal(answers, requests.length, text.slice(0, 500))
      answered += 1
    }
  }
  const ended = once(server.process, 'exit').then(() => assert.fail('the server has ended'))
  const clients = Promise.all(Array.from({ length: CLIENTS }, async (_, client) => come(client)))
  for (let change = 0; change < CHANGES; change += 1) {
    writeFileSync(server.configFile, farm.configure(COUNTS[change % COUNTS.length] ?? 1))
    await Promise.race([sleep(CHANGE_MS), clients, ended])
  }
  isOver = true
  await Promise.race([clients, ended])
  assert.ok(answered > CHANGES, `${answered} connections`)
  ended.catch(() => undefined)
})

const TASK: Omit<WorkerTask, 'dataDir'> = { memoryBytes: 1 << 20, isLogged: false, trustedProxies: [] }

test('a worker whose first process is gone before it has begun ends, and lets go of the socket that it was sent', async (t) => {
  const listener = createServer()
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  const child = fork(WORKER, { serialization: 'advanced', stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  child.send({ kind: 'listen', task: { ...TASK, dataDir: tempDir(t) } }, listener)
  // What comes behind a socket is sent when that was taken: long before all of the program is loaded.
  child.send({ kind: 'forget', id: 0 }, () => child.disconnect())
  await ended
  listener.close()
  assert.equal(await accepts(port), false)
})

/** What stands for a first process: starts a worker with a socket to listen on, and tells where that is. */
const FIRST = `
  import { fork } from 'node:child_process'
  import { createServer } from 'node:net'
  const [worker, dataDir] = process.argv.slice(1)
  const listener = createServer().listen(0, '127.0.0.1', () => {
    const child = fork(worker, { serialization: 'advanced', stdio: 'ignore', execArgv: [] })
    child.send({ kind: 'listen', task: { ...${JSON.stringify(TASK)}, dataDir } }, listener)
    child.once('exit', () => process.exit(1))
    child.on('message', ({ kind }) => {
      if (kind === 'ready') process.send({ port: listener.address().port, pid: child.pid })
    })
  })
`

test('a worker whose first process dies while a connection is on its way there ends', async (t) => {
  const args = ['--input-type=module', '-e', FIRST, WORKER.pathname, tempDir(t)]
  const first = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.after(() => first.kill('SIGKILL'))
  const ended = once(first, 'exit').then(() => assert.fail('its worker has not begun'))
  const [{ port, pid }] = (await Promise.race([once(first, 'message'), ended])) as [
    { port: number; pid: number },
  ]
  ended.catch(() => undefined)
  t.after(() => runCommand('kill', ['-KILL', `${pid}`]))
  // So it takes nothing any more, neither from the socket nor from its worker.
  first.kill('SIGSTOP')
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  t.after(() => socket.destroy())
  socket.write('POST / HTTP/1.1\r\nHost: a\r\n\r\n')
  // Nobody sees from outside that the worker has handed it over.
  await sleep(300)
  first.kill('SIGKILL')
  while (await accepts(port)) await sleep(10)
})
