import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { httpGet } from '../../support/http-get.ts'
import { isRunning } from '../../support/processes.ts'
import { everyRequest } from './requests.ts'
import { exchange, startWorkerFarm } from './worker-farm.ts'

const PACKAGES = [
  { name: 'small', content: 3_000 },
  { name: 'large', content: 2 << 20 },
  { name: 'rotten', content: 5_000 },
]

function body(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)
}

/** What may differ between two answers to the same: when they were given, and pages that tell of traffic. */
function timeless(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  const end = text.includes('<!doctype html><html') ? text.search(/^ETag: /m) : text.length
  return (
    text
      .slice(0, end)
      .replaceAll(/^Date: .*$/gm, 'Date:')
      // Whoever answers names requests that bring no name along, if a line of its log tells of them.
      .replaceAll(/^X-Request-Id: .*\r\n/gm, '')
      .replaceAll(/^Content-Length: \d+$([^]*"request_id":)"[^"]+"/gm, 'Content-Length:$1')
      .replaceAll(/boundary=\S+|^--\S+/gm, 'boundary')
  )
}

test('a worker and the first process', async (t) => {
  const farm = await startWorkerFarm(t, { workers: 2, packages: PACKAGES })
  const [worker = 0] = await farm.waitForWorkers(1)
  for (const href of farm.hrefs) await httpGet(`${farm.server.url}${farm.base}/${href}`)
  await httpGet(`${farm.server.url}/repos/views/job/all_latest.json`)

  await t.test('answer every request alike', async () => {
    const requests = everyRequest(farm.base, farm.hrefs)
    const answer = async (pid: number) => {
      const sockets = await farm.connectAll(pid, requests.length)
      const answers = requests.map((request, at) => exchange(sockets[at] ?? assert.fail(), request))
      return (await Promise.all(answers)).map(timeless)
    }
    const expected = await answer(farm.main)
    // The first time much is new to the worker, then it is known.
    for (let times = 1; times <= 2; times += 1) {
      const found = await answer(worker)
      for (const [at, request] of requests.entries())
        assert.equal(found[at], expected[at], `${times}: ${request.toString('latin1').slice(0, 200)}`)
    }
    assert.ok(expected.filter((answered) => answered.startsWith('HTTP/1.1 ')).length >= 100)
  })

  await t.test('answer a client that shuts its side down', async () => {
    const targets = [`${farm.base}/repodata/repomd.xml`, '/repos/yum/all_latest.json', '/none']
    for (const target of [
      ...targets,
      ...farm.hrefs.slice(0, 2).map((href) => `${farm.base}/${href}?${Math.random()}`),
    ]) {
      const socket = await farm.connectTo(worker)
      socket.end(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
      assert.match((await buffer(socket)).toString('latin1'), /^HTTP\/1\.1 (?:200 OK|404 Not Found)\r\n/)
    }
  })

  await t.test('lose nothing of what comes while a connection changes hands', async () => {
    const line = '# 0123456789\n'
    const body = `[m]\nbaseurl=http://elsewhere/\n${line.repeat(70_000)}`
    const head = `POST /repos/inject HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
    for (const socket of await farm.connectAll(worker, 10)) {
      const reply = buffer(socket)
      socket.write(head)
      // In pieces, as fast as they are taken: some come while the worker has the connection, some while nobody reads it.
      for (let at = 0; at < body.length; at += 50_000)
        if (!socket.write(body.slice(at, at + 50_000))) await once(socket, 'drain')
      const text = (await reply).toString()
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
      assert.equal(text.split(line).length - 1, 70_000)
    }
  })

  await t.test('fetch again what has rotted, whoever notices', async () => {
    const [, , href = ''] = farm.hrefs
    const [, , file = ''] = farm.files
    writeFileSync(file, Buffer.alloc(5_000))
    const request = `GET ${farm.base}/${href} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
    const [again, right] = [await farm.connectTo(worker), await farm.connectTo(farm.main)]
    const whole = await exchange(again, request)
    assert.equal(farm.asked.get(`/${href}`), 2)
    assert.deepEqual(body(whole), body(await exchange(right, request)))
    assert.ok(body(whole).some((byte) => byte !== 0))
  })

  await t.test('end together when the first one is killed', async () => {
    await farm.server.kill()
    while (isRunning(worker)) await sleep(5)
  })
})
