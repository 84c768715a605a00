import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { Connection } from '../http/connection.ts'
import { httpGet } from '../support/http-get.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { startFarm, type Farm } from './farm.ts'

// What clients do to the server, others do not notice: their 99th percentile stays within twice what it was.

const SMALL = seededBytes('small', 20_000)
const LARGE = seededBytes('large', 8 << 20)
const PACKAGES = [
  { name: 'small', href: 'small.rpm', content: SMALL },
  { name: 'large', href: 'large.rpm', content: LARGE },
]
/** 10,000, or as many as processes may have files open here, less some for themselves. */
const MANY = Math.min(10_000, readFileLimit() - 500)
const SAMPLES = 300
const LOOKS = 6
/** What the machine itself does to a percentile of a few tenths of a millisecond. */
const NOISE_MS = 15

function readFileLimit(): number {
  const [, limit = '1024'] =
    /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return Number(limit)
}

async function start(t: TestContext): Promise<Farm & { port: number; path: (name: string) => string }> {
  const farm = await startFarm(t, { packages: PACKAGES })
  for (const name of ['small.rpm', 'large.rpm']) assert.equal((await farm.get(name)).status, 200)
  const { port, pathname } = new URL(farm.snapshot)
  return { ...farm, port: Number(port), path: (name) => pathname + name }
}

/** The 99th percentile of a client that asks for a cached package again and again, in milliseconds. */
async function percentile(port: number, path: string): Promise<number> {
  const connection = await Connection.open(port)
  const took: number[] = []
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const startedAt = performance.now()
    const reply = await connection.get(path)
    took.push(performance.now() - startedAt)
    assert.equal(reply.status, 200)
  }
  connection.close()
  return took.toSorted((a, b) => a - b)[Math.floor(SAMPLES * 0.99)] ?? 0
}

/** Begins an attack; call what it gives to end it. */
async function attack(t: TestContext, ...args: readonly string[]): Promise<() => Promise<unknown>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'attacker.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

const ATTACKS: readonly (readonly [kind: string, count: number, name: string])[] = [
  ['idle', MANY, 'small.rpm'],
  ['half a head', MANY, 'small.rpm'],
  ['no reading', 200, 'large.rpm'],
  ['a byte a second', 200, 'large.rpm'],
  ['pipelining', 20, 'large.rpm'],
  ['256 ranges', 4, 'large.rpm'],
  ['overlapping ranges', 4, 'small.rpm'],
]

describe('others do not notice clients of the kind', () => {
  for (const [kind, count, name] of ATTACKS)
    test(`${kind}: ${count} of them`, async (t) => {
      const { port, path } = await start(t)
      await percentile(port, path('small.rpm'))
      const before = await percentile(port, path('small.rpm'))
      const memoryBefore = process.memoryUsage().rss
      const end = await attack(t, kind, `${port}`, `${count}`, path(name))
      // The machine has other things to do as well: one of a few looks has to be undisturbed.
      const during: number[] = []
      while (during.length < LOOKS && (during.at(-1) ?? Infinity) > 2 * before + NOISE_MS)
        during.push(await percentile(port, path('small.rpm')))
      t.diagnostic(`p99 ${before.toFixed(1)} ms, then ${during.map((ms) => ms.toFixed(1)).join(', ')} ms`)
      assert.ok(
        (during.at(-1) ?? Infinity) <= 2 * before + NOISE_MS,
        `${before} ms, then ${during.join(', ')} ms`,
      )
      const memory = process.memoryUsage().rss - memoryBefore
      await end()
      assert.ok(memory < 300 << 20, `memory grew by ${memory >> 20} MiB`)
    })
})

test('ranges cost no more bytes than the file, however they overlap', async (t) => {
  const farm = await start(t)
  const overlapping = Array.from({ length: 400 }, () => `0-${SMALL.length - 1}`).join(',')
  const reply = await farm.get('small.rpm', { Range: `bytes=${overlapping}` })
  assert.deepEqual([reply.status, reply.body.length], [200, SMALL.length])
  const apart = Array.from({ length: 256 }, (_, index) => `${index * 70}-${index * 70}`).join(',')
  const parts = await farm.get('small.rpm', { Range: `bytes=${apart}` })
  assert.equal(parts.status, 206)
  assert.ok(parts.body.length < 256 * 200)
})

test('HEAD of a cold package fills nothing, however often it is asked for', async (t) => {
  const farm = await startFarm(t, { packages: [{ name: 'cold', href: 'cold.rpm', content: 5_000 }] })
  const [source] = farm.sources
  for (let round = 0; round < 50; round += 1) {
    const reply = await httpGet(`${farm.snapshot}cold.rpm`, { method: 'HEAD' })
    assert.deepEqual([reply.status, reply.headers['content-length'], reply.body.length], [200, '5000', 0])
  }
  assert.equal(source?.count(), 0)
})
