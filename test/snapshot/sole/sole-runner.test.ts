import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { SoleBytes } from '../../../src/snapshot/sole/sole-bytes.ts'
import { SoleRunner } from '../../../src/snapshot/sole/sole-runner.ts'

test('who asks does not wait for long, and all who do share one search', async () => {
  const searches: PromiseWithResolvers<SoleBytes>[] = []
  const find = () => {
    const search = Promise.withResolvers<SoleBytes>()
    searches.push(search)
    return search.promise
  }
  const runner = new SoleRunner(find, { patienceMs: 1 })
  assert.deepEqual(await Promise.all([runner.ask('views'), runner.ask('views')]), [undefined, undefined])
  assert.equal(searches.length, 1)
  searches[0]?.resolve([['job', 5]])
  assert.deepEqual(await runner.ask('views'), new Map([['job', 5]]))
  assert.equal(await runner.ask('mirrors'), undefined)
  assert.equal(searches.length, 2)
  searches[1]?.reject(new Error('no'))
  assert.equal(await runner.ask('mirrors'), undefined, 'it is not known')
  await runner.close()
})

test('closing ends what runs, and waits for that', async () => {
  let ended = false
  const runner = new SoleRunner(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          ended = true
          reject(signal.reason as Error)
        })
      }),
    { patienceMs: 1 },
  )
  await runner.ask('views')
  await runner.close()
  assert.ok(ended)
})
