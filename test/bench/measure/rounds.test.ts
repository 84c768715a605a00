import assert from 'node:assert/strict'
import { test } from 'node:test'

import { measureLoad, type LoadCase } from '../../../bench/measure/rounds.ts'
import type { WrkRequest } from '../../../bench/measure/wrk.ts'
import type { Peer } from '../../../bench/peers/peer.ts'

const NAMES = ['pinyon', 'rival', 'another']

const peers = NAMES.map((name): Peer => ({
  name,
  url: `http://${name}`,
  base: '',
  pid: process.pid,
  stop: () => Promise.resolve(),
}))

const aimed: LoadCase = {
  name: 'a case',
  connections: 1,
  requests: Object.fromEntries(NAMES.map((name) => [name, { path: '/file' }])),
  targets: { rival: 1 },
}

/** Answers as a load would, and keeps whom it was sent to: pinyon 200 requests/s, the others 100. */
function createLoad() {
  const asked: string[] = []
  const load = ({ url, seconds }: WrkRequest) => {
    const { hostname } = new URL(url)
    asked.push(hostname)
    const requests = seconds * (hostname === 'pinyon' ? 200 : 100)
    return Promise.resolve({ requests, seconds, bytes: requests, p50Us: 1, p99Us: 2, errors: 0 })
  }
  return { asked, load }
}

test('peers take turns, and each round begins with another one', async () => {
  const { asked, load } = createLoad()
  const figures = await measureLoad('hot', aimed, peers, { rounds: 2, seconds: 1, core: undefined, load })
  const warmUp = NAMES
  assert.deepEqual(asked, [...warmUp, 'pinyon', 'rival', 'another', 'rival', 'another', 'pinyon'])
  const rate = figures.find(({ of, measure }) => of === 'rival' && measure === 'requests/s')
  assert.deepEqual([rate?.value.median, rate?.ratio?.median, rate?.target], [100, 2, 1])
})

test('whom nothing is to be reached against may take part in some rounds only', async () => {
  const { asked, load } = createLoad()
  const rounds = { rounds: 4, seconds: 1, core: undefined, load, othersEvery: 2 }
  const figures = await measureLoad('hot', aimed, peers, rounds)
  const measured = asked.slice(NAMES.length)
  assert.deepEqual(
    NAMES.map((name) => measured.filter((one) => one === name).length),
    [4, 4, 2],
  )
  const other = figures.find(({ of, measure }) => of === 'another' && measure === 'requests/s')
  assert.equal(other?.ratio?.median, 2, 'and is held against pinyon of the same rounds')
})

test('several processes of one server count as that one', async () => {
  const { asked, load } = createLoad()
  const [one, two] = [0, 1].map((at): Peer => ({ ...peers[0]!, name: `pinyon, ${at}`, as: 'pinyon' }))
  const requests = { 'pinyon, 0': { path: '/' }, 'pinyon, 1': { path: '/' } }
  const rounds = { rounds: 3, seconds: 1, core: undefined, load, othersEvery: 3 }
  const figures = await measureLoad('logging', { ...aimed, requests }, [one!, two!], rounds)
  assert.deepEqual([...new Set(figures.map(({ of }) => of))], ['pinyon'])
  assert.equal(asked.length, 2 + 3 * 2, 'all of them in every round')
})

test('a peer that answers errors ends it', async () => {
  const { load } = createLoad()
  const failing = async (request: WrkRequest) => ({ ...(await load(request)), errors: 3 })
  const rounds = { rounds: 1, seconds: 1, core: undefined, load: failing }
  await assert.rejects(measureLoad('hot', aimed, peers, rounds), /pinyon failed 3 times in a case/)
})
