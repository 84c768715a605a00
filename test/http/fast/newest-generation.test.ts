import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { sendText } from '../../../src/http/send-text.ts'
import { HttpServer } from '../../../src/http/server.ts'
import { createTextReply } from '../../../src/proxy/reply.ts'
import { RollingReplies } from '../../../src/proxy/rolling-replies.ts'
import { createMemoryContent } from '../../support/memory-content.ts'
import { Connection } from '../connection.ts'
import { LogRecorder } from '../log-recorder.ts'

const INDEX = '/repos/yum/all_latest.json'
/** Has a turn for itself. */
const SEVERAL_RANGES = 'Range: bytes=0-1,3-4'

/** A server of one index, which its handler makes anew; `onLook` is told of each look at the generation, before its answer is used. */
async function start(t: TestContext) {
  const state = { generation: 1, onLook: () => {}, handled: 0 }
  const rolling = new RollingReplies(() => {
    const { generation } = state
    state.onLook()
    return generation
  })
  const { content, cache } = await createMemoryContent([])
  const write = () => createTextReply('text/plain', `generation ${state.generation}`)
  rolling.remember(INDEX, 'example.org', { generation: 1, reply: write() })
  const server = new HttpServer(
    async (exchange) => {
      state.handled += 1
      sendText(exchange, write())
      await Promise.resolve()
    },
    new LogRecorder().logger,
    {
      fast: {
        peek: (target, host, isJustRead) => rolling.peek(target, host, isJustRead),
        content,
        isOn: () => true,
      },
    },
  )
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await server.drain(0)
    cache.close()
  })
  const connect = async () => {
    const connection = await Connection.open(server.port)
    t.after(() => connection.close())
    return connection
  }
  return { state, connect }
}

test('who asks when a generation is published is told of it, though another one had its turn before that', async (t) => {
  const { state, connect } = await start(t)
  const [costly, simple] = [await connect(), await connect()]
  assert.equal((await simple.get(INDEX)).body.toString(), 'generation 1')
  assert.equal(state.handled, 0)
  const published = Promise.withResolvers<void>()
  let looks = 0
  state.onLook = () => {
    looks += 1
    // The first is when it is read, the second in its turn: nothing else is read between that and what is sent now.
    if (looks < 2 || state.generation > 1) return
    queueMicrotask(() => {
      state.generation = 2
      published.resolve()
    })
  }
  const first = costly.get(INDEX, { headers: [SEVERAL_RANGES] })
  await published.promise
  assert.equal((await simple.get(INDEX)).body.toString(), 'generation 2')
  await first
})
