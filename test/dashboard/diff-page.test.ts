import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startTroubleFarm } from './trouble-farm.ts'

const MINUTE_MS = 60_000

test('a comparison begins with how to swap the two, and how to try each step between', async (t) => {
  const farm = await startTroubleFarm(t, { mirrors: { m: [] } })
  for (const name of ['a', 'b', 'c']) {
    farm.of('m').publish([{ name }])
    farm.later(MINUTE_MS)
    await farm.sync('m')
  }
  const [first, second, third] = ['2026-03-17-09-53', '2026-03-17-09-54', '2026-03-17-09-55'] as const
  const read = async (from: string, to: string) => {
    const { body } = await httpGet(`${farm.url}/mirrors/m/diff?from=${from}&to=${to}`)
    const [top = '', rest = ''] = body.toString().split('class="figures')
    const text = top.replace(/<wbr>|<\/?span[^>]*>/g, '')
    return { text, rest }
  }
  const there = await read(first, third)
  assert.ok(there.text.includes(`href="/mirrors/m/diff?from=${third}&amp;to=${first}"`), there.text)
  assert.match(there.text, /Each step between \(1 snapshot\)/)
  assert.ok(there.text.includes(`>pinyon bisect m ${first} ${third} --run ./job.sh<`), there.text)
  assert.doesNotMatch(there.rest, /bisect/)
  const back = await read(third, second)
  assert.match(back.text, /Each step between \(none\)/)
  assert.ok(back.text.includes(`>pinyon bisect m ${third} ${second} --run ./job.sh<`), back.text)
  // That is a command which would be refused.
  assert.doesNotMatch((await read(first, first)).text, /bisect/)
})
