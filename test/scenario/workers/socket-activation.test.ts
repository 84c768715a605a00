import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { holdSocket } from '../../support/hold-socket.ts'
import { httpGet } from '../../support/http-get.ts'
import { childrenOf } from '../../support/processes.ts'
import { runCommand } from '../../support/run-command.ts'
import { writeSyntheticRepository } from '../../support/synthetic-repository.ts'
import { tempDir } from '../../support/temp-dir.ts'

const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname
const RESTARTS = 2
const CLIENTS = 8
const READY_MS = 10

/** Waits until the server has its worker. */
async function workersOf(pid: number): Promise<number[]> {
  for (;;) {
    const workers = childrenOf(pid, 'worker-process')
    if (workers.length === 1) return workers
    await sleep(READY_MS)
  }
}

test('two processes on a socket that was handed over are started anew, and no connection is refused', async (t) => {
  const [dir, root] = [tempDir(t), tempDir(t)]
  const { packages } = writeSyntheticRepository(root, { packages: [{ name: 'one', content: 2_000 }] })
  const file = join(dir, 'pinyon.yaml')
  // Nobody listens there: what is handed over counts.
  const config = {
    listen: '127.0.0.1:1',
    data_dir: './data',
    workers: 2,
    sync_interval: 'off',
    mirrors: { m: { baseurl: `file://${root}/`, retries: 0 } },
  }
  writeFileSync(file, JSON.stringify(config))
  const server = await holdSocket(t, file)
  const { port } = server
  // Before anything listens, this waits in the socket.
  await httpGet(`http://127.0.0.1:${port}/healthz`)
  const synced = await runCommand(process.execPath, [MAIN, 'sync', '--config', file])
  assert.equal(synced.code, 0, synced.stderr)
  const snapshot = (await httpGet(`http://127.0.0.1:${port}/repos/yum/m/latest.txt`)).body.toString().trim()
  const request = `GET /repos/yum/m/${snapshot}/${packages[0]?.href} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`

  const ask = async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    socket.write(request)
    const answer = await buffer(socket)
    socket.end()
    return answer.toString('latin1', 9, 12)
  }
  let isOver = false
  const counts = new Map<string, number>()
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) {
      const outcome = await ask().catch((error: NodeJS.ErrnoException) => error.code ?? error.message)
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    }
  })
  const answered = async (more: number) => {
    const enough = (counts.get('200') ?? 0) + more
    while ((counts.get('200') ?? 0) < enough) await sleep(READY_MS)
  }
  for (let restart = 0; restart < RESTARTS; restart += 1) {
    const workers = await workersOf(server.pid)
    await answered(50)
    const before = await server.restart()
    assert.deepEqual(
      childrenOf(before, 'worker-process'),
      [],
      `${workers.length} have ended with their server`,
    )
    await answered(50)
  }
  await workersOf(server.pid)
  isOver = true
  await Promise.all(clients)
  assert.deepEqual([...counts.keys()], ['200'])
})
