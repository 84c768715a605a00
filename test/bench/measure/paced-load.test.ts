import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import { compilePacedLoad } from '../../../bench/measure/paced-load.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { needs } from '../../support/tools.ts'

const BODY = Buffer.alloc(70_000, 'x')
const ANSWERS_IN_ONE = 50

test(
  'connections ask again and again, each for itself, and are told how long answers take',
  needs('cc'),
  async (t) => {
    const load = await compilePacedLoad(tempDir(t), { pauseUs: 500, seed: 1 })
    const asked = new Set<number | undefined>()
    let answers = 0
    const server = createServer((request, response) => {
      answers += 1
      asked.add(request.socket.remotePort)
      if (request.url !== '/there?a=b') response.writeHead(404).end()
      // Now and then in two pieces, head and body apart.
      else if (answers % ANSWERS_IN_ONE === 0)
        response.writeHead(200, { 'content-length': BODY.length }).write(BODY, () => response.end())
      else response.writeHead(200, { 'Content-Length': BODY.length }).end(BODY)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const request = { connections: 7, seconds: 0.3 }
    const { requests, bytes, p50Us, p99Us } = await load({ ...request, url: `${url}/there?a=b` })
    assert.equal(asked.size, 7)
    // Those that were under way at the end were answered as well.
    assert.ok(requests > 7 && requests <= answers && answers <= requests + 7, `${requests} of ${answers}`)
    assert.ok(bytes > requests * BODY.length && bytes < requests * (BODY.length + 300), String(bytes))
    assert.ok(p50Us > 0 && p99Us >= p50Us)
    await assert.rejects(load({ ...request, url: `${url}/elsewhere` }), /answered with: HTTP\/1\.1 404/)
  },
)
