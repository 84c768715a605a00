/** What startSlowUpstream starts. Tells its parent its URLs, and what was asked of it when the parent wants to know. */
import { once } from 'node:events'
import { createReadStream, statSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import type { PathCount, SlowPort } from './slow-upstream.ts'

/** A slow body comes in pieces of so much time. */
const PIECE_MS = 5

const [root = '', ports = '[]'] = process.argv.slice(2)
const counts = new Map<string, PathCount>()
const urls = await Promise.all((JSON.parse(ports) as SlowPort[]).map(listen))
process.send?.(urls)
process.on('message', () => process.send?.(Object.fromEntries(counts)))
process.on('disconnect', () => process.exit())

async function listen(port: SlowPort): Promise<string> {
  const server = createSlowServer(port).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function createSlowServer(port: SlowPort): Server {
  const known = new WeakSet<object>()
  return createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    const isFirst = !known.has(request.socket)
    known.add(request.socket)
    const path = normalize(decodeURIComponent(request.url ?? '/'))
    count(path, 1, 0)
    answer(response, path, { ...port, latencyMs: isFirst ? 2 * port.latencyMs : port.latencyMs }).catch(() =>
      response.destroy(),
    )
  })
}

async function answer(response: ServerResponse, path: string, port: SlowPort): Promise<void> {
  const { latencyMs, keepsAlive, bytesPerSecond } = port
  if (latencyMs > 0) await sleep(latencyMs)
  const size = statSync(join(root, path), { throwIfNoEntry: false })?.size
  response.shouldKeepAlive = keepsAlive
  if (size === undefined) {
    response.writeHead(404).end()
    return
  }
  const cacheable = { 'Cache-Control': 'public, max-age=31536000, immutable' }
  response.writeHead(200, {
    ...cacheable,
    'Content-Type': 'application/octet-stream',
    'Content-Length': size,
  })
  await send(response, path, bytesPerSecond)
}

async function send(
  response: ServerResponse,
  path: string,
  bytesPerSecond: number | undefined,
): Promise<void> {
  const pieceBytes = bytesPerSecond === undefined ? 256 << 10 : Math.ceil((bytesPerSecond * PIECE_MS) / 1_000)
  const file = createReadStream(join(root, path), { highWaterMark: pieceBytes })
  const startedAt = performance.now()
  let sent = 0
  async function* paced(): AsyncGenerator<Buffer> {
    for await (const chunk of file as AsyncIterable<Buffer>) {
      const dueMs = bytesPerSecond === undefined ? 0 : (sent / bytesPerSecond) * 1_000
      const aheadMs = dueMs - (performance.now() - startedAt)
      if (aheadMs > 0) await sleep(aheadMs)
      sent += chunk.length
      count(path, 0, chunk.length)
      yield chunk
    }
  }
  await pipeline(paced(), response)
}

function count(path: string, requests: number, bytes: number): void {
  const known = counts.get(path) ?? { requests: 0, bytes: 0 }
  counts.set(path, { requests: known.requests + requests, bytes: known.bytes + bytes })
}
