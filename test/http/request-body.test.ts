import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import { BodyMemory, readBody } from '../../src/http/request-body.ts'
import { sendText } from '../../src/http/send-text.ts'
import { HttpServer, type Handler } from '../../src/http/server.ts'
import { createTextReply } from '../../src/proxy/reply.ts'
import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { Connection } from './connection.ts'
import { LogRecorder } from './log-recorder.ts'

async function start(t: TestContext, handler: Handler): Promise<{ port: number; log: LogRecorder }> {
  const log = new LogRecorder()
  const server = new HttpServer(handler, log.logger)
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => server.drain(0))
  return { port: server.port, log }
}

describe('memory for bodies', () => {
  test('is lent to as many as there is some for, and given back however an exchange ends', async (t) => {
    const memory = new BodyMemory(1_000)
    const { port, log } = await start(t, async (exchange) => {
      const body = await readBody(exchange.request, { maxBytes: 2_000, take: memory.lend(exchange) })
      sendText(exchange, createTextReply('text/plain', `${body.length}\n`))
    })
    const url = `http://127.0.0.1:${port}/`
    const post = (body: string) => httpGet(url, { method: 'POST', body })
    // One that holds most of it, and does not go on.
    const slow = await Connection.open(port)
    slow.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 901\r\n\r\n${'x'.repeat(900)}`)
    while (memory.free > 100) await new Promise((resolve) => setImmediate(resolve))
    assert.equal((await post('x'.repeat(100))).status, 200)
    const busy = await post('x'.repeat(101))
    assert.deepEqual([busy.status, busy.headers['retry-after']], [503, '10'])
    assert.match(busy.body.toString(), /no memory for another/)
    slow.send('x')
    assert.equal((await slow.reply()).body.toString(), '901\n')
    slow.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 901\r\n\r\n${'x'.repeat(900)}`)
    while (memory.free > 100) await new Promise((resolve) => setImmediate(resolve))
    slow.close()
    await log.waitFor('request', 4)
    assert.equal(memory.free, 1_000)
    assert.equal((await post('x'.repeat(1_000))).status, 200)
    // Beyond what is taken anyway nothing is held.
    assert.equal((await post('x'.repeat(2_001))).status, 413)
    await log.waitFor('request', 6)
    assert.equal(memory.free, 1_000)
  })

  test('is held until the answer has been sent', async (t) => {
    const memory = new BodyMemory(1_000)
    const [entered, open] = [gate(), gate()]
    const { port, log } = await start(t, async (exchange) => {
      await readBody(exchange.request, { maxBytes: 1_000, take: memory.lend(exchange) })
      entered.open()
      await open.opened
      sendText(exchange, createTextReply('text/plain', 'ok\n'))
    })
    const reply = httpGet(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x'.repeat(700) })
    await entered.opened
    assert.equal(memory.free, 300)
    open.open()
    assert.equal((await reply).status, 200)
    await log.waitFor('request')
    assert.equal(memory.free, 1_000)
  })
})
