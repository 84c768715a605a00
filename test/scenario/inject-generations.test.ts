import assert from 'node:assert/strict'
import { test } from 'node:test'

import { inject, type Injected } from '../http/injecting.ts'
import { httpGet } from '../support/http-get.ts'
import { startPublishingFarm } from '../support/publishing-farm.ts'

const POSTS = 200
const ROUNDS = 3
const NAMES = ['a', 'b', 'c']
const CONFIG = NAMES.map((name) => `[${name}]\nbaseurl=x\n`).join('')

test('200 posts at a time, while mirrors are published, get one generation each, and it is the one they are told', async (t) => {
  const { url, app, publish } = await startPublishingFarm(t, NAMES)

  let posting = true
  const publishing = (async () => {
    while (posting) await publish()
  })()
  const large = `${CONFIG}${`#${'-'.repeat(98)}\n`.repeat(300)}`
  const replies: Injected[] = []
  const frozen = new Map<string, string>()
  for (let round = 0; round < ROUNDS; round += 1) {
    const posts = Array.from({ length: POSTS }, async (_, index) => {
      // Some in the serving thread and some in the other, some with a view that several share.
      const view = index % 4 === 0 ? `job-${round}-${index % 20}` : undefined
      const config = index % 3 === 0 ? large : CONFIG
      const query = `proxy=keep${view === undefined ? '' : `&view=${view}`}`
      const reply = await inject(url, config, { query })
      assert.deepEqual([reply.status, reply.counts[1]], [200, '3'], reply.text)
      replies.push(reply)
      if (view === undefined) return
      const generation = String(reply.counts[0])
      assert.equal(frozen.get(view) ?? generation, generation, `${view} saw two generations`)
      frozen.set(view, generation)
    })
    await Promise.all(posts)
    await publish()
  }
  posting = false
  await publishing

  const generations = new Set<string>()
  for (const { text, counts } of replies) {
    const generation = String(counts[0])
    generations.add(generation)
    const urls = new Map(
      text.matchAll(/^\[(.)\]\nbaseurl=(.*)$/gm).map(([, id = '', target = '']) => [id, target]),
    )
    assert.deepEqual(Object.fromEntries(urls), await indexAt(url, generation))
  }
  assert.ok(generations.size >= ROUNDS, `only generations ${[...generations].join()} were seen`)
  for (const [view, generation] of frozen) {
    const index = await httpGet(`${url}/repos/views/${view}/all_latest.json`)
    assert.deepEqual(parseIndex(index.body), await indexAt(url, generation), view)
  }
  assert.equal(await app.store.views.count(), frozen.size)
})

const known = new Map<string, unknown>()

async function indexAt(url: string, generation: string): Promise<unknown> {
  if (!known.has(generation)) {
    const { status, body } = await httpGet(`${url}/repos/generations/${generation}/all_latest.json`)
    assert.equal(status, 200)
    known.set(generation, parseIndex(body))
  }
  return known.get(generation)
}

function parseIndex(body: Buffer): unknown {
  return (JSON.parse(body.toString()) as { latest_ci_repos: unknown }).latest_ci_repos
}
