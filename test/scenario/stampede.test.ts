import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'

import { digestHex } from '../../src/model/digest.ts'
import { gate } from '../support/gate.ts'
import { runCommand } from '../support/run-command.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'

const CLIENTS = 200
const PARTS = 8
const PACKAGE_BYTES = 20 << 20
const PART_BYTES = PACKAGE_BYTES / PARTS
/** What so many ask for is kept in memory beside. */
const MAX_GROWTH_BYTES = (60 << 20) + PACKAGE_BYTES
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

test('200 clients that come over the whole transfer of a cold 20 MB package: one upstream request', async (t) => {
  const dir = tempDir(t)
  const [one] = writeSyntheticRepository(dir, {
    packages: [{ name: 'big', content: PACKAGE_BYTES }],
  }).packages
  assert.ok(one !== undefined)
  // The body comes in parts; each waits until a share of the clients is there and has read what was there before.
  const parts = Array.from({ length: PARTS }, () => gate())
  let requests = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const isPackage = request.url === `/${one.href}`
    const bytes = await readFile(join(dir, request.url ?? '')).catch(() => undefined)
    if (bytes === undefined) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'Content-Length': bytes.length })
    for (const [index, part] of isPackage ? parts.entries() : []) {
      if (index === 0) requests += 1
      await part.opened
      response.write(bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES))
    }
    response.end(isPackage ? undefined : bytes)
  }
  const upstream = createServer((request, response) => void answer(request, response))
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  t.after(() => upstream.close())
  const { port } = upstream.address() as AddressInfo
  const server = await startServer(t, {
    mirrors: { m: { baseurl: `http://127.0.0.1:${port}/`, retries: 0 } },
  })
  const synced = await runCommand(process.execPath, [MAIN, 'sync', '--config', server.configFile])
  assert.equal(synced.code, 0, synced.stderr)
  const before = server.memory().rss
  const url = `${server.url}/repos/yum/m/latest/${one.href}`
  const digests: Promise<string>[] = []
  for (const part of parts) {
    const share = Array.from({ length: CLIENTS / PARTS }, () => download(url))
    digests.push(...share.map(({ digest }) => digest))
    part.open()
    // The first share begins with the first part; later ones find it there.
    await Promise.all(share.map(({ begun }) => begun))
  }
  assert.deepEqual([...new Set(await Promise.all(digests))], [digestHex(one.checksum)])
  assert.equal(digests.length, CLIENTS)
  assert.equal(requests, 1)
  const growth = server.memory().peakRss - before
  assert.ok(growth < MAX_GROWTH_BYTES, `memory grew by ${Math.round(growth / 2 ** 20)} MiB`)
  t.diagnostic(`memory grew by ${(growth / 2 ** 20).toFixed(1)} MiB`)
})

/** `begun` when the answer's head is there; `digest` of the whole body, or `cut`. */
function download(url: string): { begun: Promise<void>; digest: Promise<string> } {
  const request = get(url, { agent: false })
  const reply = once(request, 'response').then(([response]) => response as IncomingMessage)
  const digest = reply.then(async (response) => {
    const hash = createHash('sha256')
    for await (const chunk of response) hash.update(chunk as Buffer)
    return response.complete ? hash.digest('hex') : 'cut'
  })
  return { begun: reply.then(() => undefined), digest }
}
