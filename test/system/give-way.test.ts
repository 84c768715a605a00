import assert from 'node:assert/strict'
import { once } from 'node:events'
import { getPriority } from 'node:os'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

const SKIP = process.platform !== 'linux' && 'threads have priorities of their own on Linux alone'

test('a thread gives way, and the others of its process stay what they are', { skip: SKIP }, async () => {
  const before = getPriority()
  const { href } = new URL('../../src/system/give-way.ts', import.meta.url)
  const script = `
    const { giveWay } = await import(${JSON.stringify(href)})
    giveWay()
    const { getPriority } = await import('node:os')
    const { parentPort } = await import('node:worker_threads')
    parentPort.postMessage(getPriority())`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`))
  const [priority] = (await once(worker, 'message')) as [number]
  assert.equal(priority, Math.min(before + 10, 19))
  assert.equal(getPriority(), before)
})
