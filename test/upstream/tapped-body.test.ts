import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TappedBody, type BodyTap } from '../../src/upstream/tapped-body.ts'

/** A body of two pieces, with what is told of it; the clock goes on by five milliseconds whenever it is looked at. */
function tapped(tap: Partial<BodyTap> = {}, breaksWith?: Error) {
  const told: string[] = []
  const body = (async function* () {
    try {
      yield Buffer.from('one')
      yield Buffer.from('three')
      if (breaksWith !== undefined) throw breaksWith
    } finally {
      told.push('closed')
    }
  })()
  const whole: BodyTap = {
    bytes: (count, waitedMs) => {
      told.push(`${count} after ${waitedMs}`)
      return undefined
    },
    end: () => void told.push('end'),
    fail: (error) => {
      told.push(`failed: ${(error as Error).message}`)
      return new Error('as the tap has it')
    },
    left: () => void told.push('left'),
    ...tap,
  }
  let nowMs = 0
  return { told, read: new TappedBody(body, whole, () => (nowMs += 5)) }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of body) text += Buffer.from(chunk).toString()
  return text
}

test('a body goes through as it is, and its tap hears of each piece and of its end, once', async () => {
  const { told, read } = tapped()
  assert.equal(await collect(read), 'onethree')
  assert.deepEqual(told, ['3 after 5', '5 after 5', 'closed', 'end'])
  assert.deepEqual(
    [await read.next(), await read.return()].map(({ done }) => done),
    [true, true],
  )
  assert.equal(told.length, 4)
})

test('a body that fails fails as its tap has it, and so does one that is not at its end', async () => {
  const { told, read } = tapped({}, new Error('broken'))
  await assert.rejects(collect(read), /as the tap has it/)
  assert.deepEqual(told, ['3 after 5', '5 after 5', 'closed', 'failed: broken'])
  const short = tapped({
    end: () => {
      throw new Error('ended early')
    },
  })
  await assert.rejects(collect(short.read), /ended early/)
})

test('what its tap throws, or has waited for in vain, breaks a body off', async () => {
  const refusals: readonly BodyTap['bytes'][] = [
    () => {
      throw new Error('too slow')
    },
    () => Promise.reject(new Error('too slow')),
  ]
  for (const bytes of refusals) {
    const { told, read } = tapped({ bytes })
    await assert.rejects(read.next(), /as the tap has it/)
    assert.equal((await read.next()).done, true)
    assert.deepEqual(told.toSorted(), ['closed', 'failed: too slow'])
  }
})

test('pieces wait for what their tap waits for', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { read } = tapped({ bytes: () => promise })
  let came = false
  const next = read.next().then((step) => {
    came = true
    return step
  })
  await new Promise((done) => setImmediate(done))
  assert.equal(came, false)
  resolve()
  assert.equal(((await next).value as Uint8Array).length, 3)
})

test('that nobody reads on its tap hears of who was read', async () => {
  const begun = tapped()
  await begun.read.next()
  await begun.read.return()
  assert.deepEqual(begun.told, ['3 after 5', 'closed', 'left'])
  const unread = tapped()
  await unread.read.return()
  assert.deepEqual([unread.told, (await unread.read.next()).done], [[], true])
})
