import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import { AnswerCheck, getsExactly } from '../../../bench/measure/raw-get.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'

const BODY = seededBytes('raw', 3_000_000)

test('an answer is right when it is a 200 of exactly these bytes', async (t) => {
  const answers: Readonly<Record<string, Buffer>> = {
    '/right': BODY,
    '/other': Buffer.concat([BODY.subarray(1), BODY.subarray(0, 1)]),
    '/short': BODY.subarray(1),
  }
  const server = createServer((request, response) => {
    const body = answers[request.url ?? '']
    if (body === undefined) response.writeHead(404).end(BODY)
    else response.writeHead(200, { 'Content-Length': body.length }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const paths = ['/right', '/other', '/short', '/missing']
  assert.deepEqual(await Promise.all(paths.map((path) => getsExactly(url + path, BODY))), [
    true,
    false,
    false,
    false,
  ])
})

test('an answer may come in pieces of any size', () => {
  const body = Buffer.from('abcdefgh')
  const answer = Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 8\r\n\r\n'), body])
  for (let size = 1; size <= answer.length; size += 1) {
    const check = new AnswerCheck(body)
    const states: string[] = []
    for (let at = 0; at < answer.length; at += size) states.push(check.take(answer.subarray(at, at + size)))
    assert.deepEqual(new Set(states.slice(0, -1)), new Set(states.length > 1 ? ['more'] : []))
    assert.equal(states.at(-1), 'right')
  }
})

test('a head that never ends is given up', () => {
  const check = new AnswerCheck(BODY)
  const states = Array.from({ length: 40 }, () => check.take(Buffer.alloc(1_000, 'x')))
  assert.equal(states[0], 'more')
  assert.equal(states.at(-1), 'wrong')
})
